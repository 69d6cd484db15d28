using System.Buffers.Binary;
using static TorchSharp.torch;

namespace MedSegDsl.Models;

/// <summary>
/// Reads and writes the safetensors format (huggingface/safetensors): the header's length in 8 bytes, a JSON header, then
/// the tensors' raw little-endian numbers end to end. Float64, float32, bf16, float16 and int64.
/// </summary>
public static class Safetensors
{
    // The format's own limit on the header's length.
    private const long MostHeaderBytes = 100_000_000;

    // One piece of a tensor: far below the 2 GiB that a span can address.
    private const long PieceNumbers = 1 << 24;

    /// <summary>Reads a file.</summary>
    /// <exception cref="ModelException">The file is missing, truncated or not a safetensors file.</exception>
    public static SafetensorsFile Read(string path)
    {
        try
        {
            using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, 1 << 16);
            return Read(stream, path);
        }
        catch (Exception cause) when (cause is IOException or UnauthorizedAccessException)
        {
            throw new ModelException($"{path}: cannot be read: {cause.Message}", cause);
        }
    }

    /// <summary>Reads a seekable stream from its position to its end.</summary>
    /// <param name="stream">The stream; it stays open.</param>
    /// <param name="name">What errors call it.</param>
    /// <exception cref="ModelException">The content is truncated or not in the format.</exception>
    public static SafetensorsFile Read(Stream stream, string name)
    {
        try
        {
            return Read(stream);
        }
        catch (Exception cause) when (cause is InvalidDataException or EndOfStreamException)
        {
            throw new ModelException($"{name}: not a whole safetensors file: {cause.Message}", cause);
        }
    }

    /// <summary>Writes tensors of any device; the same tensors give the same bytes.</summary>
    /// <param name="stream">Where to; it stays open.</param>
    /// <param name="tensors">The tensors by name.</param>
    /// <param name="metadata">Words to keep beside them.</param>
    /// <exception cref="ModelException">A tensor of a type that is not written.</exception>
    public static void Write(
        Stream stream, IReadOnlyDictionary<string, Tensor> tensors, IReadOnlyDictionary<string, string>? metadata = null)
    {
        var header = SafetensorsHeader.Of(tensors, metadata ?? new Dictionary<string, string>());
        var json = header.ToJson();
        Span<byte> length = stackalloc byte[sizeof(ulong)];
        BinaryPrimitives.WriteUInt64LittleEndian(length, (ulong)json.Length);
        stream.Write(length);
        stream.Write(json);
        foreach (var entry in header.Entries)
        {
            using var scope = NewDisposeScope();
            using var _ = no_grad();
            foreach (var piece in Pieces(tensors[entry.Name].cpu().contiguous()))
            {
                stream.Write(piece.bytes);
            }
        }
    }

    private static SafetensorsFile Read(Stream stream)
    {
        Span<byte> length = stackalloc byte[sizeof(ulong)];
        stream.ReadExactly(length);
        var headerLength = BinaryPrimitives.ReadUInt64LittleEndian(length);
        var rest = stream.Length - stream.Position;
        if (headerLength > MostHeaderBytes || (long)headerLength > rest)
        {
            throw new InvalidDataException($"a header of {headerLength} bytes where {rest} follow");
        }

        var json = new byte[headerLength];
        stream.ReadExactly(json);
        var header = SafetensorsHeader.Parse(json, rest - json.Length);
        var tensors = new Dictionary<string, Tensor>();
        foreach (var entry in header.Entries)
        {
            using var scope = NewDisposeScope();
            var tensor = empty(entry.Shape, entry.Type);
            tensors.Add(entry.Name, tensor.DetachFromDisposeScope());
            foreach (var piece in Pieces(tensor))
            {
                stream.ReadExactly(piece.bytes);
            }
        }

        return new SafetensorsFile(tensors, header.Metadata);
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
