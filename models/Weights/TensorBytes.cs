using static TorchSharp.torch;

namespace MedSegDsl.Models;

/// <summary>
/// The numbers of a contiguous CPU tensor as raw bytes, little endian, in row-major order: what safetensors files and
/// PyTorch's storages hold.
/// </summary>
internal static class TensorBytes
{
    // One piece of a tensor: far below the 2 GiB that a span can address.
    private const long PieceNumbers = 1 << 24;

    /// <summary>The bytes of one number.</summary>
    /// <exception cref="ArgumentOutOfRangeException">A type that is not read or written.</exception>
    public static int ElementSize(ScalarType type) => type switch
    {
        ScalarType.Float64 or ScalarType.Int64 => 8,
        ScalarType.Float32 or ScalarType.Int32 => 4,
        ScalarType.Float16 or ScalarType.BFloat16 or ScalarType.Int16 => 2,
        ScalarType.Int8 or ScalarType.Byte or ScalarType.Bool => 1,
        _ => throw new ArgumentOutOfRangeException(nameof(type), type, null),
    };

    /// <summary>Fills a contiguous CPU tensor from a stream.</summary>
    /// <exception cref="EndOfStreamException">The stream is shorter than the tensor.</exception>
    public static void Read(Stream stream, Tensor tensor)
    {
        using var scope = NewDisposeScope();
        foreach (var piece in Pieces(tensor))
        {
            stream.ReadExactly(piece.bytes);
        }
    }

    /// <summary>Writes a tensor of any device and layout.</summary>
    public static void Write(Stream stream, Tensor tensor)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        foreach (var piece in Pieces(tensor.cpu().contiguous()))
        {
            stream.Write(piece.bytes);
        }
    }

    /// <summary>Views of a contiguous tensor, one after the other.</summary>
    private static IEnumerable<Tensor> Pieces(Tensor tensor)
    {
        var flat = tensor.view(-1);
        for (var start = 0L; start < flat.shape[0]; start += PieceNumbers)
        {
            yield return flat.narrow(0, start, Math.Min(PieceNumbers, flat.shape[0] - start));
        }
    }
}
