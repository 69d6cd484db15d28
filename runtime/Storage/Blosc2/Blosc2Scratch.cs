using ZstdSharp;

namespace MedSegDsl.Runtime.Storage.Blosc2;

/// <summary>What unpacking needs besides the result: one for each thread.</summary>
internal sealed class Blosc2Scratch
{
    private byte[] planes = [];
    private byte[] block = [];

    /// <summary>Unpacks zstd.</summary>
    public Decompressor Zstd { get; } = new();

    /// <summary>Room for the shuffled bytes of a block.</summary>
    public Span<byte> Planes(int length) => Room(ref planes, length);

    /// <summary>Room for the bytes of a block.</summary>
    public Span<byte> Block(int length) => Room(ref block, length);

    private static Span<byte> Room(ref byte[] bytes, int length)
    {
        if (bytes.Length < length)
            bytes = new byte[length];
        return bytes.AsSpan(0, length);
    }
}
