using System.Buffers.Binary;
using System.Runtime.InteropServices;
using K4os.Compression.LZ4;
using ZstdSharp;

namespace MedSegDsl.Runtime.Storage.Blosc2;

/// <summary>
/// One chunk of a Blosc2 file (Blosc/c-blosc2, README_CHUNK_FORMAT): a header, where each block starts, and the blocks,
/// each one compressed stream or one for each byte of its values.
/// </summary>
internal readonly ref struct Blosc2Chunk
{
    /// <summary>Bytes of the header that Blosc2 writes.</summary>
    public const int HeaderLength = 32;

    /// <summary>Flags of a header of 32 bytes.</summary>
    public const byte Extended = 0x05;

    /// <summary>The flag of values that lie as they are.</summary>
    public const byte Copied = 0x02;

    /// <summary>The flag of blocks in one stream.</summary>
    public const byte OneStream = 0x10;

    /// <summary>Where the codec stands in the flags.</summary>
    public const int CodecShift = 5;

    /// <summary>The codec zstd.</summary>
    public const byte Zstd = 4;

    /// <summary>The filter that takes the bytes of values apart.</summary>
    public const byte Shuffle = 1;

    /// <summary>Filters that a chunk may have.</summary>
    public const int Filters = 6;

    /// <summary>Where the filters stand in the header.</summary>
    public const int FilterOffset = 16;
    private const byte TruncatePrecision = 4;
    private const int FilterMetaOffset = 24;
    private const int OldHeaderLength = 16;
    private readonly ReadOnlySpan<byte> bytes;
    private readonly int header;
    private readonly int shuffledSize;

    /// <summary>Reads a chunk's header.</summary>
    /// <param name="from">Bytes that begin with the chunk.</param>
    /// <exception cref="InvalidDataException">It is damaged, or made in a way that is not read.</exception>
    public Blosc2Chunk(ReadOnlySpan<byte> from)
    {
        if (from.Length < OldHeaderLength)
            throw Damaged();
        header = (from[2] & Extended) == Extended ? HeaderLength : OldHeaderLength;
        (Length, BlockLength) = (Whole(from, 4), Whole(from, 8));
        var stored = Whole(from, 12);
        if (stored < header || stored > from.Length || Length < 0 || BlockLength < 0 || Length > 0 && BlockLength == 0)
            throw Damaged();
        bytes = from[..stored];
        shuffledSize = ShuffledSize();
        if (header == HeaderLength && ((bytes[31] & 0x01) != 0 || (bytes[30] & 0x01) != 0))
            throw new InvalidDataException("Blosc2's dictionaries and blocks of different lengths are not read");
    }

    /// <summary>Bytes of the values.</summary>
    public int Length { get; }

    /// <summary>Bytes of a block; the last one may be shorter.</summary>
    public int BlockLength { get; }

    private bool IsCopied => (bytes[2] & Copied) != 0;

    private int TypeSize => bytes[3];

    /// <summary>1 zeros, 2 NaN, 3 one value again and again, 4 never written.</summary>
    private int Special => header == HeaderLength ? bytes[31] >> 4 & 7 : 0;

    /// <summary>Unpacks a block.</summary>
    /// <param name="index">Blocks before it.</param>
    /// <param name="target">Receives its bytes; as long as the block.</param>
    /// <param name="scratch">This thread's.</param>
    /// <exception cref="InvalidDataException">The block is damaged, or packed in a way that is not read.</exception>
    public void Read(int index, Span<byte> target, Blosc2Scratch scratch)
    {
        var start = (long)index * BlockLength;
        if (start + target.Length > Length)
            throw Damaged();
        if (Special != 0)
            Repeat(target);
        else if (IsCopied)
            Part(header + start, target.Length).CopyTo(target);
        else if (shuffledSize == 0)
            Unpack(index, target, scratch);
        else
        {
            var planes = scratch.Planes(target.Length);
            Unpack(index, planes, scratch);
            ByteShuffle.Join(planes, shuffledSize, target);
        }
    }

    private void Repeat(Span<byte> target)
    {
        switch (Special)
        {
            case 1 or 4:
                target.Clear();
                break;
            case 2 when TypeSize == sizeof(float):
                MemoryMarshal.Cast<byte, float>(target).Fill(float.NaN);
                break;
            case 3 when bytes.Length > header && target.Length % (bytes.Length - header) == 0:
                for (var value = bytes[header..]; target.Length > 0; target = target[value.Length..])
                    value.CopyTo(target);
                break;
            default:
                throw Damaged();
        }
    }

    private void Unpack(int index, Span<byte> target, Blosc2Scratch scratch)
    {
        var at = (long)Whole(bytes, header + index * sizeof(int));
        // A last block that is shorter is never taken apart.
        var streams = (bytes[2] & OneStream) == 0 && target.Length == BlockLength ? TypeSize : 1;
        var length = target.Length / streams;
        for (var stream = 0; stream < streams; stream++, target = target[length..])
        {
            var stored = Whole(Part(at, sizeof(int)), 0);
            at += sizeof(int);
            if (stored == 0)
                target[..length].Clear();
            else if (stored < 0)
            {
                // One byte again and again.
                if ((Part(at++, 1)[0] & 1) == 0 || stored < -byte.MaxValue)
                    throw Damaged();
                target[..length].Fill((byte)-stored);
            }
            else
            {
                Decompress(Part(at, stored), target[..length], scratch);
                at += stored;
            }
        }
    }

    private void Decompress(ReadOnlySpan<byte> source, Span<byte> target, Blosc2Scratch scratch)
    {
        if (source.Length == target.Length)
        {
            source.CopyTo(target);
            return;
        }

        var codec = bytes[2] >> CodecShift;
        switch (codec)
        {
            case 0:
                BloscLz.Decode(source, target);
                break;
            case 1:
                if (LZ4Codec.Decode(source, target) != target.Length)
                    throw Damaged();
                break;
            case Zstd:
                UnpackZstd(source, target, scratch);
                break;
            default:
                throw new InvalidDataException($"Blosc2's codec {codec} is not read, only BloscLZ, LZ4 and zstd");
        }
    }

    private static void UnpackZstd(ReadOnlySpan<byte> source, Span<byte> target, Blosc2Scratch scratch)
    {
        try
        {
            if (scratch.Zstd.Unwrap(source, target) != target.Length)
                throw Damaged();
        }
        catch (ZstdException cause)
        {
            throw new InvalidDataException(cause.Message, cause);
        }
    }

    /// <summary>Bytes of the values that were shuffled, or 0.</summary>
    private int ShuffledSize()
    {
        if (header == OldHeaderLength)
            return (bytes[2] & Shuffle) != 0 && TypeSize > 1 ? TypeSize : 0;
        var size = 0;
        for (var slot = 0; slot < Filters; slot++)
            switch (bytes[FilterOffset + slot])
            {
                case 0 or TruncatePrecision:
                    break;
                case Shuffle when size == 0:
                    size = bytes[FilterMetaOffset + slot] is > 0 and var grouped ? grouped : TypeSize;
                    break;
                case var filter:
                    throw new InvalidDataException($"Blosc2's filter {filter} is not read, only shuffle");
            }
        return size;
    }

    private ReadOnlySpan<byte> Part(long start, int length) => start >= header && length <= bytes.Length - start
        ? bytes.Slice((int)start, length)
        : throw Damaged();

    private static int Whole(ReadOnlySpan<byte> from, int at) => at >= 0 && at + sizeof(int) <= from.Length
        ? BinaryPrimitives.ReadInt32LittleEndian(from[at..])
        : throw Damaged();

    private static InvalidDataException Damaged() => new("a chunk of Blosc2 is damaged");
}
