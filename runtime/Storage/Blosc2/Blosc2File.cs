using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;
using MedSegDsl.Runtime.Files;
using ZstdSharp;

namespace MedSegDsl.Runtime.Storage.Blosc2;

/// <summary>
/// Writes .b2nd files that nnU-Net reads: chunks of up to 32 × 32 × 32 voxels of one channel, small, so that a patch
/// unpacks little that it does not need, and large enough for zstd to find something. Each is one block, shuffled.
/// </summary>
internal static class Blosc2File
{
    private const int Edge = 32;

    // zstd's default: levels above gain a few per cent and take several times as long.
    private const int Level = 3;
    private const byte ChunkVersion = 5;
    private const byte CodecVersion = 1;

    // Version 2 of the format, offsets of 64 bits.
    private const byte FrameFlags = 0x12;
    private const byte NeverSplit = 1;

    /// <summary>Writes an array in C order, whole or not at all.</summary>
    /// <param name="path">The file; replaced if it exists.</param>
    /// <param name="axes">Voxels along z, y, x, and channels before them if there are any.</param>
    /// <param name="values">As many values as there are voxels.</param>
    /// <exception cref="UserException">The file cannot be written.</exception>
    public static void Write<T>(string path, long[] axes, ReadOnlyMemory<T> values) where T : unmanaged
    {
        long[] shape = axes.Length == 3 ? [1, .. axes] : axes;
        int[] edges = [1, .. shape[1..].Select(axis => (int)Math.Min(Edge, axis))];
        int[] counts = [.. shape.Zip(edges, (axis, edge) => (int)((axis + edge - 1) / edge))];
        var size = Marshal.SizeOf<T>();
        var length = edges.Aggregate(size, (product, edge) => product * edge);
        AtomicFile.Write(path, stream =>
        {
            using Compressor compressor = new(Level);
            List<long> offsets = [];
            var headerLength = Header(axes, edges[^axes.Length..], NpyHeader.NameOf<T>(), size, length, 0, 0, 0).Length;
            stream.Position = headerLength;
            var chunk = new T[length / size];
            var bytes = new byte[length];
            for (var channel = 0; channel < counts[0]; channel++)
                for (var z = 0; z < counts[1]; z++)
                    for (var y = 0; y < counts[2]; y++)
                        for (var x = 0; x < counts[3]; x++)
                        {
                            Cut(values.Span, shape, edges, [channel, z, y, x], chunk);
                            offsets.Add(stream.Position - headerLength);
                            WriteChunk(stream, MemoryMarshal.AsBytes(chunk.AsSpan()), size, bytes, compressor);
                        }

            var chunkBytes = stream.Position - headerLength;
            WriteCopied(stream, MemoryMarshal.AsBytes(CollectionsMarshal.AsSpan(offsets)), sizeof(long));
            stream.Write(Trailer());
            var fileLength = stream.Position;
            stream.Position = 0;
            stream.Write(Header(
                axes, edges[^axes.Length..], NpyHeader.NameOf<T>(), size, length, (long)offsets.Count * length, chunkBytes, fileLength));
        });
    }

    private static void Cut<T>(ReadOnlySpan<T> values, long[] shape, int[] edges, ReadOnlySpan<int> at, Span<T> chunk)
    {
        // Chunks at the border are as large as the others.
        chunk.Clear();
        var start = (Z: (long)at[1] * edges[1], Y: (long)at[2] * edges[2], X: (long)at[3] * edges[3]);
        var width = (int)Math.Min(edges[3], shape[3] - start.X);
        for (var z = 0; z < Math.Min(edges[1], shape[1] - start.Z); z++)
            for (var y = 0; y < Math.Min(edges[2], shape[2] - start.Y); y++)
            {
                var row = ((at[0] * shape[1] + start.Z + z) * shape[2] + start.Y + y) * shape[3] + start.X;
                values.Slice((int)row, width).CopyTo(chunk[((z * edges[2] + y) * edges[3])..]);
            }
    }

    private static void WriteChunk(Stream stream, ReadOnlySpan<byte> values, int size, byte[] planes, Compressor compressor)
    {
        ByteShuffle.Split(values, size, planes);
        var packed = compressor.Wrap(planes);
        if (packed.Length >= values.Length)
        {
            WriteCopied(stream, values, size);
            return;
        }

        // After the header: where the one block starts, and the length of its one stream.
        Span<byte> starts = stackalloc byte[2 * sizeof(int)];
        BinaryPrimitives.WriteInt32LittleEndian(starts, Blosc2Chunk.HeaderLength + sizeof(int));
        BinaryPrimitives.WriteInt32LittleEndian(starts[sizeof(int)..], packed.Length);
        const byte flags = Blosc2Chunk.Extended | Blosc2Chunk.OneStream | Blosc2Chunk.Zstd << Blosc2Chunk.CodecShift;
        stream.Write(ChunkHeader(flags, size, values.Length, Blosc2Chunk.HeaderLength + starts.Length + packed.Length, Blosc2Chunk.Shuffle));
        stream.Write(starts);
        stream.Write(packed);
    }

    private static void WriteCopied(Stream stream, ReadOnlySpan<byte> values, int size)
    {
        const byte flags = Blosc2Chunk.Extended | Blosc2Chunk.OneStream | Blosc2Chunk.Copied;
        stream.Write(ChunkHeader(flags, size, values.Length, Blosc2Chunk.HeaderLength + values.Length, 0));
        stream.Write(values);
    }

    private static byte[] ChunkHeader(byte flags, int size, int length, int stored, byte filter)
    {
        var header = new byte[Blosc2Chunk.HeaderLength];
        (header[0], header[1], header[2], header[3]) = (ChunkVersion, CodecVersion, flags, (byte)size);
        BinaryPrimitives.WriteInt32LittleEndian(header.AsSpan(4), length);
        BinaryPrimitives.WriteInt32LittleEndian(header.AsSpan(8), length);
        BinaryPrimitives.WriteInt32LittleEndian(header.AsSpan(12), stored);
        header[Blosc2Chunk.FilterOffset + Blosc2Chunk.Filters - 1] = filter;
        return header;
    }

    private static byte[] Header(
        long[] shape, int[] edges, string type, int size, int chunkLength, long length, long chunkBytes, long fileLength)
    {
        var layer = Layer(shape, edges, type);
        const int mapLength = 16;
        var layerOffset = Blosc2Frame.FixedLength + 1 + mapLength + 3;
        MessagePackWriter writer = new();
        writer.Raw([0x9E, 0xA8, .. Blosc2Frame.Magic]);
        writer.Int32(layerOffset + 5 + layer.Length);
        writer.UInt64(fileLength);
        writer.Raw([0xA4, FrameFlags, 0, Blosc2Chunk.Zstd | Level << 4, NeverSplit]);
        writer.Int64(length);
        writer.Int64(chunkBytes);
        writer.Int32(size);
        writer.Int32(chunkLength);
        writer.Int32(chunkLength);
        // One thread to pack and to unpack; nothing in the trailer.
        writer.Raw([0xD1, 0, 1, 0xD1, 0, 1, 0xC2, 0xD8, Blosc2Chunk.Filters]);
        writer.Raw([0, 0, 0, 0, 0, Blosc2Chunk.Shuffle, 0, 0, .. new byte[8]]);
        writer.Raw([0x93, 0xCD, 0, mapLength, 0xDE, 0, 1, 0xA4, .. "b2nd"u8]);
        writer.Int32(layerOffset);
        writer.Raw([0xDC, 0, 1, 0xC6]);
        writer.Raw(BigEndian(layer.Length));
        writer.Raw(layer);
        return writer.Written;
    }

    private static byte[] Layer(long[] shape, int[] edges, string type)
    {
        MessagePackWriter writer = new();
        var array = (byte)(0x90 | shape.Length);
        writer.Raw([0x97, 0, (byte)shape.Length, array]);
        foreach (var axis in shape)
            writer.Int64(axis);
        // Chunks, then blocks: they are the same.
        for (var level = 0; level < 2; level++)
        {
            writer.Raw([array]);
            foreach (var edge in edges)
                writer.Int32(edge);
        }

        writer.Raw([0, 0xDB, .. BigEndian(type.Length), .. Encoding.ASCII.GetBytes(type)]);
        return writer.Written;
    }

    private static byte[] Trailer()
    {
        byte[] layers = [0x94, 1, 0x93, 0xCD, 0, 6, 0xDE, 0, 0, 0xDC, 0, 0];
        const int fingerprint = 2 + 16;
        return [.. layers, 0xCE, .. BigEndian(layers.Length + 5 + fingerprint), 0xD8, .. new byte[fingerprint - 1]];
    }

    private static byte[] BigEndian(int number)
    {
        var bytes = new byte[sizeof(int)];
        BinaryPrimitives.WriteInt32BigEndian(bytes, number);
        return bytes;
    }

    /// <summary>MessagePack numbers of fixed length.</summary>
    private sealed class MessagePackWriter
    {
        private readonly MemoryStream stream = new();

        public byte[] Written => stream.ToArray();

        public void Raw(ReadOnlySpan<byte> bytes) => stream.Write(bytes);

        public void Int32(int number) => Raw([0xD2, .. BigEndian(number)]);

        public void Int64(long number) => Number(0xD3, number);

        public void UInt64(long number) => Number(0xCF, number);

        private void Number(byte kind, long number)
        {
            Span<byte> bytes = stackalloc byte[1 + sizeof(long)];
            bytes[0] = kind;
            BinaryPrimitives.WriteInt64BigEndian(bytes[1..], number);
            Raw(bytes);
        }
    }
}
