using System.Numerics;
using System.Numerics.Tensors;
using System.Runtime.InteropServices;
using System.Text;
using ZstdSharp;

namespace MedSegDsl.Runtime.Storage;

/// <summary>A file of <see cref="ChunkedFile"/>, mapped: a patch unpacks the chunks that it touches. Safe for
/// many readers; each thread keeps a decompressor and the room for one chunk.</summary>
internal sealed unsafe class ChunkedVolume : IStoredVolume
{
    [ThreadStatic]
    private static Room? room;

    private readonly string path;
    private readonly MappedFile file;
    private readonly ChunkGrid grid;

    /// <summary>Maps a file.</summary>
    /// <exception cref="UserException">The file is missing, unreadable or of another form.</exception>
    public ChunkedVolume(string path)
    {
        this.path = path;
        var header = new byte[ChunkedFile.HeaderLength];
        file = new MappedFile(path, stream =>
        {
            if (stream.ReadAtLeast(header, header.Length, throwOnEndOfStream: false) < header.Length
                || !header.AsSpan().StartsWith(ChunkedFile.Magic))
                throw Broken();
        });
        Type = Encoding.ASCII.GetString(header, 8, 4).TrimEnd();
        Shape = MemoryMarshal.Cast<byte, long>(header.AsSpan(12)).ToArray();
        grid = new ChunkGrid(Shape);
        if (Type is not ("<f4" or "<i2" or "|i1") || Shape.Min() < 1 || Shape.Max() > int.MaxValue
            || ChunkedFile.HeaderLength + (grid.Count + 1) * sizeof(long) > file.Length
            || ChunkStart(grid.Count) != file.Length)
        {
            file.Dispose();
            throw Broken();
        }
    }

    /// <inheritdoc />
    public string Type { get; }

    /// <inheritdoc />
    public long[] Shape { get; }

    /// <inheritdoc />
    public void ReadPatch<T>(int channel, ReadOnlySpan<int> corner, ReadOnlySpan<int> size, Span<T> target, T outside)
        where T : unmanaged, INumberBase<T>
    {
        switch (Type)
        {
            case "<f4": Read<float, T>(channel, corner, size, target, outside); break;
            case "<i2": Read<short, T>(channel, corner, size, target, outside); break;
            default: Read<sbyte, T>(channel, corner, size, target, outside); break;
        }
    }

    /// <inheritdoc />
    public void Dispose() => file.Dispose();

    private void Read<TStored, T>(int channel, ReadOnlySpan<int> corner, ReadOnlySpan<int> size, Span<T> target, T outside)
        where TStored : unmanaged, INumberBase<TStored>
        where T : unmanaged, INumberBase<T>
    {
        var (z0, z1) = Inside(corner[0], size[0], Shape[1]);
        var (y0, y1) = Inside(corner[1], size[1], Shape[2]);
        var (x0, x1) = Inside(corner[2], size[2], Shape[3]);
        var isInside = z0 < z1 && y0 < y1 && x0 < x1;
        if (!isInside || (long)(z1 - z0) * (y1 - y0) * (x1 - x0) < (long)size[0] * size[1] * size[2])
            target.Fill(outside);
        if (!isInside)
            return;
        for (var z = z0 / ChunkGrid.Edge; z * ChunkGrid.Edge < z1; z++)
            for (var y = y0 / ChunkGrid.Edge; y * ChunkGrid.Edge < y1; y++)
                for (var x = x0 / ChunkGrid.Edge; x * ChunkGrid.Edge < x1; x++)
                {
                    var (height, width) = (grid.Length(1, y), grid.Length(2, x));
                    var chunk = Unpack<TStored>(grid.Index(channel, z, y, x), grid.Length(0, z) * height * width);
                    var (left, right) = (Math.Max(x0, x * ChunkGrid.Edge), Math.Min(x1, x * ChunkGrid.Edge + width));
                    for (var row = Math.Max(z0, z * ChunkGrid.Edge); row < Math.Min(z1, (z + 1) * ChunkGrid.Edge); row++)
                        for (var line = Math.Max(y0, y * ChunkGrid.Edge); line < Math.Min(y1, (y + 1) * ChunkGrid.Edge); line++)
                            TensorPrimitives.ConvertTruncating(
                                chunk.Slice(((row - z * ChunkGrid.Edge) * height + line - y * ChunkGrid.Edge) * width + left - x * ChunkGrid.Edge, right - left),
                                target.Slice(((row - corner[0]) * size[1] + line - corner[1]) * size[2] + left - corner[2], right - left));
                }
    }

    // The part of a box that lies in the volume, along one axis.
    private static (int First, int End) Inside(int corner, int size, long voxels) =>
        ((int)Math.Clamp(corner, 0, voxels), (int)Math.Clamp((long)corner + size, 0, voxels));

    private ReadOnlySpan<T> Unpack<T>(long index, int voxels) where T : unmanaged
    {
        room ??= new();
        var (start, end) = (ChunkStart(index), ChunkStart(index + 1));
        var planes = room.Planes.AsSpan(0, voxels * sizeof(T));
        if (start < ChunkedFile.HeaderLength || end < start || end > file.Length || end - start > int.MaxValue)
            throw Broken();
        try
        {
            if (room.Decompressor.Unwrap(new ReadOnlySpan<byte>(file.At(start), (int)(end - start)), planes) != planes.Length)
                throw Broken();
        }
        catch (ZstdException cause)
        {
            throw new UserException($"{path}: is corrupt ({cause.Message}); preprocess the case again", cause);
        }

        var values = room.Values.AsSpan(0, planes.Length);
        ChunkedFile.Join(planes, sizeof(T), values);
        return MemoryMarshal.Cast<byte, T>(values);
    }

    private long ChunkStart(long index) =>
        System.Runtime.CompilerServices.Unsafe.ReadUnaligned<long>(file.At(ChunkedFile.HeaderLength + index * sizeof(long)));

    private UserException Broken() => new($"{path}: is no compressed volume, or is not whole; preprocess the case again");

    private sealed class Room
    {
        public Decompressor Decompressor { get; } = new();

        public byte[] Planes { get; } = new byte[ChunkGrid.Volume * sizeof(float)];

        public byte[] Values { get; } = new byte[ChunkGrid.Volume * sizeof(float)];
    }
}
