using System.Runtime.InteropServices;
using MedSegDsl.Runtime.Files;
using ZstdSharp;

namespace MedSegDsl.Runtime.Storage;

/// <summary>
/// Writes arrays as chunks compressed with zstd, the first bytes of all values before the second ones, which
/// suits floats. The file: <c>MEDSEGZ1</c>; the type in four characters; channels and voxels along z, y, x as
/// int64; the byte where each chunk starts and the end of the last one as int64; the chunks.
/// </summary>
internal static class ChunkedFile
{
    /// <summary>What a file starts with.</summary>
    public static ReadOnlySpan<byte> Magic => "MEDSEGZ1"u8;

    /// <summary>Bytes before the table of chunks.</summary>
    public const int HeaderLength = 8 + 4 + 4 * sizeof(long);

    // zstd's default: levels above gain a few per cent and take several times as long.
    private const int Level = 3;

    /// <summary>Writes an array in C order, whole or not at all.</summary>
    /// <param name="path">The file; replaced if it exists.</param>
    /// <param name="shape">Channels and voxels along z, y, x.</param>
    /// <param name="values">As many values as the shape says.</param>
    /// <exception cref="UserException">The file cannot be written.</exception>
    public static void Write<T>(string path, long[] shape, ReadOnlyMemory<T> values) where T : unmanaged
    {
        ChunkGrid grid = new(shape);
        AtomicFile.Write(path, stream =>
        {
            using Compressor compressor = new(Level);
            var table = new long[grid.Count + 1];
            stream.Position = HeaderLength + table.Length * sizeof(long);
            var chunk = new T[ChunkGrid.Volume];
            var planes = new byte[ChunkGrid.Volume * Marshal.SizeOf<T>()];
            for (var channel = 0; channel < shape[0]; channel++)
                for (var z = 0; z < ChunkGrid.Chunks(shape[1]); z++)
                    for (var y = 0; y < ChunkGrid.Chunks(shape[2]); y++)
                        for (var x = 0; x < ChunkGrid.Chunks(shape[3]); x++)
                        {
                            var length = Cut(values.Span, grid, channel, [z, y, x], chunk);
                            var bytes = MemoryMarshal.AsBytes(chunk.AsSpan(0, length));
                            Split(bytes, bytes.Length / length, planes);
                            table[grid.Index(channel, z, y, x)] = stream.Position;
                            stream.Write(compressor.Wrap(planes.AsSpan(0, bytes.Length)));
                        }

            table[^1] = stream.Position;
            stream.Position = 0;
            stream.Write(Magic);
            stream.Write(System.Text.Encoding.ASCII.GetBytes(NpyHeader.NameOf<T>().PadRight(4)));
            stream.Write(MemoryMarshal.AsBytes(shape.AsSpan()));
            stream.Write(MemoryMarshal.AsBytes(table.AsSpan()));
        });
    }

    /// <summary>Puts the bytes of each value together again.</summary>
    /// <param name="planes">The first bytes of all values, then the second ones, ...</param>
    /// <param name="size">Bytes of a value.</param>
    /// <param name="bytes">The values.</param>
    public static void Join(ReadOnlySpan<byte> planes, int size, Span<byte> bytes)
    {
        var count = bytes.Length / size;
        if (size == sizeof(float))
        {
            var first = planes[..count];
            var second = planes.Slice(count, count);
            var third = planes.Slice(2 * count, count);
            var fourth = planes.Slice(3 * count, count);
            var values = MemoryMarshal.Cast<byte, uint>(bytes);
            for (var i = 0; i < values.Length; i++)
                values[i] = first[i] | (uint)second[i] << 8 | (uint)third[i] << 16 | (uint)fourth[i] << 24;
            return;
        }

        for (var plane = 0; plane < size; plane++)
            for (var i = 0; i < count; i++)
                bytes[i * size + plane] = planes[plane * count + i];
    }

    private static void Split(ReadOnlySpan<byte> bytes, int size, Span<byte> planes)
    {
        var count = bytes.Length / size;
        for (var plane = 0; plane < size; plane++)
            for (var i = 0; i < count; i++)
                planes[plane * count + i] = bytes[i * size + plane];
    }

    private static int Cut<T>(ReadOnlySpan<T> values, ChunkGrid grid, int channel, ReadOnlySpan<int> at, Span<T> chunk)
    {
        var (depth, height, width) = (grid.Length(0, at[0]), grid.Length(1, at[1]), grid.Length(2, at[2]));
        for (var z = 0; z < depth; z++)
            for (var y = 0; y < height; y++)
            {
                var row = ((channel * grid.Shape[1] + at[0] * ChunkGrid.Edge + z) * grid.Shape[2] + at[1] * ChunkGrid.Edge + y) * grid.Shape[3];
                values.Slice((int)row + at[2] * ChunkGrid.Edge, width).CopyTo(chunk[((z * height + y) * width)..]);
            }

        return depth * height * width;
    }
}
