using System.Buffers.Binary;
using static TorchSharp.torch;

namespace MedSegDsl.Models;

/// <summary>
/// Reads and writes the safetensors format (huggingface/safetensors): the header's length in 8 bytes, a JSON header, then
/// the tensors' raw little-endian numbers end to end. Floating-point and integer types from 8 to 64 bits, and booleans.
/// </summary>
public static class Safetensors
{
    // The format's own limit on the header's length.
    private const long MostHeaderBytes = 100_000_000;

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
            TensorBytes.Write(stream, tensors[entry.Name]);
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
            var tensor = empty(entry.Shape, entry.Type).DetachFromDisposeScope();
            tensors.Add(entry.Name, tensor);
            TensorBytes.Read(stream, tensor);
        }

        return new SafetensorsFile(tensors, header.Metadata);
    }
}
