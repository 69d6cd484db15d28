using System.Buffers.Binary;
using System.Text;

namespace MedSegDsl.Runtime.Storage.Blosc2;

/// <summary>
/// What the header of a .b2nd file says (Blosc/c-blosc2, README_CFRAME_FORMAT and README_B2ND_METALAYER): an array of any
/// number of axes cut into chunks, and those into blocks.
/// </summary>
/// <param name="Type">numpy's name of the values' type.</param>
/// <param name="TypeSize">Bytes of a value.</param>
/// <param name="Shape">Values along each axis.</param>
/// <param name="ChunkShape">Values of a chunk along each axis.</param>
/// <param name="BlockShape">Values of a block along each axis.</param>
/// <param name="HeaderLength">Bytes before the first chunk.</param>
/// <param name="ChunkBytes">Bytes of all chunks; their index follows.</param>
internal sealed record Blosc2Frame(
    string Type, int TypeSize, long[] Shape, int[] ChunkShape, int[] BlockShape, int HeaderLength, long ChunkBytes)
{
    /// <summary>Bytes of a header without the array's shape.</summary>
    public const int FixedLength = 87;

    /// <summary>What a file has after two bytes.</summary>
    public static ReadOnlySpan<byte> Magic => "b2frame\0"u8;

    /// <summary>Where the length of the header stands, in four bytes.</summary>
    public const int HeaderLengthOffset = 11;

    /// <summary>Where the length of the file stands, in eight bytes.</summary>
    public const int FileLengthOffset = 16;
    private const int FrameTypeOffset = 26;
    private const int ChunkBytesOffset = 39;
    private const int TypeSizeOffset = 48;
    private const int MostHeaderBytes = 1 << 20;
    private const int MostAxes = 4;

    /// <summary>Reads a header.</summary>
    /// <param name="stream">The file, at its start.</param>
    /// <exception cref="InvalidDataException">It is something else, cut short or damaged.</exception>
    public static Blosc2Frame Read(Stream stream)
    {
        var start = new byte[FixedLength];
        if (stream.ReadAtLeast(start, start.Length, throwOnEndOfStream: false) < start.Length
            || !start.AsSpan(2).StartsWith(Magic))
            throw new InvalidDataException("is no Blosc2 file");
        if (start[FrameTypeOffset] != 0)
            throw new InvalidDataException("is a Blosc2 file in several parts, which are not read");
        var length = BinaryPrimitives.ReadInt32BigEndian(start.AsSpan(HeaderLengthOffset));
        var chunkBytes = BinaryPrimitives.ReadInt64BigEndian(start.AsSpan(ChunkBytesOffset));
        if (length is < FixedLength or > MostHeaderBytes || chunkBytes < 0 || length + chunkBytes > stream.Length
            || BinaryPrimitives.ReadInt64BigEndian(start.AsSpan(FileLengthOffset)) > stream.Length)
            throw Damaged();
        var bytes = new byte[length];
        start.CopyTo(bytes, 0);
        stream.ReadExactly(bytes.AsSpan(FixedLength));
        return Array(bytes, BinaryPrimitives.ReadInt32BigEndian(start.AsSpan(TypeSizeOffset)), chunkBytes);
    }

    private static Blosc2Frame Array(byte[] header, int typeSize, long chunkBytes)
    {
        var reader = new MessagePack(header, OffsetOfShape(header));
        reader.Bytes(out var end);
        if (reader.Array() < 5)
            throw Damaged();
        _ = reader.Whole();
        var axes = (int)reader.Whole();
        if (axes is < 1 or > MostAxes)
            throw new InvalidDataException($"has {axes} axes; up to {MostAxes} are read");
        long[] shape = Wholes(), chunk = Wholes(), block = Wholes();
        var type = "|u1";
        if (reader.Position < end)
        {
            _ = reader.Whole();
            type = reader.Text();
        }

        if (shape.Any(n => n is < 1 or > int.MaxValue) || chunk.Concat(block).Any(n => n is < 1 or > int.MaxValue)
            || block.Zip(chunk).Any(pair => pair.First > pair.Second) || typeSize is < 1 or > 8)
            throw Damaged();
        return new(
            type, typeSize, shape, [.. chunk.Select(n => (int)n)], [.. block.Select(n => (int)n)], header.Length, chunkBytes);

        long[] Wholes()
        {
            var count = reader.Array();
            return count == axes ? [.. Enumerable.Range(0, axes).Select(_ => reader.Whole())] : throw Damaged();
        }
    }

    /// <summary>Where the layer named b2nd lies.</summary>
    private static int OffsetOfShape(byte[] header)
    {
        var reader = new MessagePack(header, FixedLength);
        if (header.Length > FixedLength && reader.Array() == 3)
        {
            _ = reader.Whole();
            for (var left = reader.Map(); left > 0; left--)
            {
                var name = reader.Text();
                var offset = reader.Whole();
                if (name == "b2nd" && offset is >= FixedLength && offset < header.Length)
                    return (int)offset;
            }
        }

        throw new InvalidDataException("is a Blosc2 file without an array's shape");
    }

    private static InvalidDataException Damaged() => new("is a Blosc2 file that is damaged or cut short");

    /// <summary>The few kinds of MessagePack values that a header has.</summary>
    private sealed class MessagePack(byte[] bytes, int position)
    {
        public int Position => position;

        public int Array() => Take(1)[0] switch
        {
            var kind and >= 0x90 and <= 0x9F => kind & 0x0F,
            0xDC => BinaryPrimitives.ReadUInt16BigEndian(Take(2)),
            _ => throw Damaged(),
        };

        public int Map() => Take(1)[0] switch
        {
            var kind and >= 0x80 and <= 0x8F => kind & 0x0F,
            0xDE => BinaryPrimitives.ReadUInt16BigEndian(Take(2)),
            _ => throw Damaged(),
        };

        public long Whole() => Take(1)[0] switch
        {
            var small and <= 0x7F => small,
            0xCC => Take(1)[0],
            0xCD => BinaryPrimitives.ReadUInt16BigEndian(Take(2)),
            0xCE => BinaryPrimitives.ReadUInt32BigEndian(Take(4)),
            0xD1 => BinaryPrimitives.ReadInt16BigEndian(Take(2)),
            0xD2 => BinaryPrimitives.ReadInt32BigEndian(Take(4)),
            0xD3 => BinaryPrimitives.ReadInt64BigEndian(Take(8)),
            _ => throw Damaged(),
        };

        public string Text() => Encoding.UTF8.GetString(Take(Take(1)[0] switch
        {
            var kind and >= 0xA0 and <= 0xBF => kind & 0x1F,
            0xD9 => Take(1)[0],
            0xDB => BinaryPrimitives.ReadInt32BigEndian(Take(4)),
            _ => throw Damaged(),
        }));

        /// <summary>Opens a run of bytes; the values in it are read next.</summary>
        public void Bytes(out int end)
        {
            if (Take(1)[0] != 0xC6)
                throw Damaged();
            var length = BinaryPrimitives.ReadInt32BigEndian(Take(4));
            end = length >= 0 && length <= bytes.Length - position ? position + length : throw Damaged();
        }

        private ReadOnlySpan<byte> Take(int count)
        {
            if (count < 0 || count > bytes.Length - position)
                throw Damaged();
            var taken = bytes.AsSpan(position, count);
            position += count;
            return taken;
        }
    }
}
