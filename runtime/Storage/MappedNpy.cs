using System.Buffers;
using System.IO.MemoryMappedFiles;
using System.Runtime.InteropServices;

namespace MedSegDsl.Runtime.Storage;

/// <summary>A .npy file in memory-mapped form: the system reads the pages that are touched. Safe for many
/// readers.</summary>
/// <remarks>The file is closed after mapping, so thousands of cases may be open at once.</remarks>
internal sealed unsafe class MappedNpy : IDisposable
{
    private readonly MemoryMappedViewAccessor view;
    private readonly byte* start;

    /// <summary>Maps a file.</summary>
    /// <exception cref="UserException">The file is missing, unreadable, or shorter than its header
    /// says.</exception>
    public MappedNpy(string path)
    {
        try
        {
            using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete);
            Header = NpyHeader.Read(stream, path);
            if (stream.Length != Header.DataOffset + Header.Count * ItemSize(Header.Type, path))
                throw new UserException(
                    $"{path}: {stream.Length} bytes do not fit its header; preprocess the case again");
            using var map = MemoryMappedFile.CreateFromFile(
                stream, null, 0, MemoryMappedFileAccess.Read, HandleInheritability.None, leaveOpen: true);
            view = map.CreateViewAccessor(0, 0, MemoryMappedFileAccess.Read);
        }
        catch (Exception cause) when (cause is IOException or UnauthorizedAccessException)
        {
            throw new UserException($"{path}: cannot be read; preprocess the case again: {cause.Message}", cause);
        }

        view.SafeMemoryMappedViewHandle.AcquirePointer(ref start);
    }

    /// <summary>Type and shape.</summary>
    public NpyHeader Header { get; }

    /// <summary>All values; <typeparamref name="T"/> must be the file's type.</summary>
    public ReadOnlySpan<T> Values<T>() where T : unmanaged
    {
        ObjectDisposedException.ThrowIf(view.SafeMemoryMappedViewHandle.IsClosed, this);
        if (Header.Type != NpyHeader.NameOf<T>())
            throw new InvalidOperationException($"values of type {Header.Type} read as {NpyHeader.NameOf<T>()}");
        return new ReadOnlySpan<T>(start + Header.DataOffset, checked((int)Header.Count));
    }

    /// <summary>All values, as memory that stays valid until the file is disposed.</summary>
    public ReadOnlyMemory<T> Memory<T>() where T : unmanaged
    {
        _ = Values<T>();
        return new Pages<T>(this).Memory;
    }

    /// <inheritdoc />
    public void Dispose()
    {
        if (view.SafeMemoryMappedViewHandle.IsClosed)
            return;
        view.SafeMemoryMappedViewHandle.ReleasePointer();
        view.Dispose();
    }

    private static int ItemSize(string type, string path) => type switch
    {
        "|i1" => sizeof(sbyte),
        "<i2" => sizeof(short),
        "<i4" => sizeof(int),
        "<f4" => sizeof(float),
        _ => throw new UserException($"{path}: values of type {type}; float32, int32, int16 and int8 can be read"),
    };

    /// <summary>Hands the mapped pages out as memory; they are native, so pinning has nothing to
    /// do.</summary>
    private sealed class Pages<T>(MappedNpy file) : MemoryManager<T> where T : unmanaged
    {
        public override Span<T> GetSpan() =>
            MemoryMarshal.CreateSpan(ref MemoryMarshal.GetReference(file.Values<T>()), (int)file.Header.Count);

        public override MemoryHandle Pin(int elementIndex = 0) =>
            new((T*)(file.start + file.Header.DataOffset) + elementIndex);

        public override void Unpin() { }

        protected override void Dispose(bool disposing) { }
    }
}
