using System.Buffers;
using System.Numerics;
using System.Numerics.Tensors;
using System.Runtime.InteropServices;

namespace MedSegDsl.Runtime.Storage;

/// <summary>A .npy file in memory-mapped form: a patch costs the pages it lies on. Safe for many
/// readers.</summary>
internal sealed unsafe class MappedNpy : IStoredVolume
{
    private readonly MappedFile file;
    private readonly long dataOffset;

    /// <summary>Maps a file, or one that lies uncompressed in another.</summary>
    /// <param name="path">The file.</param>
    /// <param name="start">Bytes before it.</param>
    /// <param name="length">Its own bytes; null for all.</param>
    /// <exception cref="UserException">The file is missing, unreadable, or shorter than its header
    /// says.</exception>
    public MappedNpy(string path, long start = 0, long? length = null)
    {
        NpyHeader? header = null;
        file = new MappedFile(path, stream =>
        {
            stream.Position = start;
            header = NpyHeader.Read(stream, path);
            if ((length ?? stream.Length) != header.DataOffset + header.Count * ItemSize(header.Type, path))
                throw new UserException(
                    $"{path}: {length ?? stream.Length} bytes do not fit its header; preprocess the case again");
        });
        Header = header!;
        dataOffset = start + Header.DataOffset;
    }

    /// <summary>Type and shape.</summary>
    public NpyHeader Header { get; }

    /// <inheritdoc />
    public string Type => Header.Type;

    /// <inheritdoc />
    public long[] Shape => Header.Shape;

    /// <summary>All values; <typeparamref name="T"/> must be the file's type.</summary>
    public ReadOnlySpan<T> Values<T>() where T : unmanaged
    {
        var start = file.At(dataOffset);
        if (Header.Type != NpyHeader.NameOf<T>())
            throw new InvalidOperationException($"values of type {Header.Type} read as {NpyHeader.NameOf<T>()}");
        return new ReadOnlySpan<T>(start, checked((int)Header.Count));
    }

    /// <summary>All values, as memory that stays valid until the file is disposed.</summary>
    public ReadOnlyMemory<T> Memory<T>() where T : unmanaged
    {
        _ = Values<T>();
        return new Pages<T>(this).Memory;
    }

    /// <inheritdoc />
    public void ReadPatch<T>(int channel, ReadOnlySpan<int> corner, ReadOnlySpan<int> size, Span<T> target, T outside)
        where T : unmanaged, INumberBase<T>
    {
        switch (Type)
        {
            case "<f4": Copy<float, T>(channel, corner, size, target, outside); break;
            case "<i2": Copy<short, T>(channel, corner, size, target, outside); break;
            case "<u2": Copy<ushort, T>(channel, corner, size, target, outside); break;
            case "|u1": Copy<byte, T>(channel, corner, size, target, outside); break;
            default: Copy<sbyte, T>(channel, corner, size, target, outside); break;
        }
    }

    /// <inheritdoc />
    public void Dispose() => file.Dispose();

    private void Copy<TStored, T>(int channel, ReadOnlySpan<int> corner, ReadOnlySpan<int> size, Span<T> target, T outside)
        where TStored : unmanaged, INumberBase<TStored>
        where T : unmanaged, INumberBase<T>
    {
        ReadOnlySpan<int> shape = [(int)Shape[^3], (int)Shape[^2], (int)Shape[^1]];
        var volume = shape[0] * shape[1] * shape[2];
        PatchCopy.Copy(
            Values<TStored>().Slice(channel * volume, volume), shape, corner, size, target, outside,
            (from, to) => TensorPrimitives.ConvertTruncating(from, to));
    }

    private static int ItemSize(string type, string path) => NpyHeader.SizeOf(type)
        ?? throw new UserException($"{path}: values of type {type}; float32 and whole numbers of up to 32 bits can be read");

    /// <summary>Hands the mapped pages out as memory; they are native, so pinning has nothing to
    /// do.</summary>
    private sealed class Pages<T>(MappedNpy owner) : MemoryManager<T> where T : unmanaged
    {
        public override Span<T> GetSpan() =>
            MemoryMarshal.CreateSpan(ref MemoryMarshal.GetReference(owner.Values<T>()), (int)owner.Header.Count);

        public override MemoryHandle Pin(int elementIndex = 0) =>
            new((T*)owner.file.At(owner.dataOffset) + elementIndex);

        public override void Unpin() { }

        protected override void Dispose(bool disposing) { }
    }
}
