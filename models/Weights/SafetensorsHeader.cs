using System.Text.Json;
using static TorchSharp.torch;

namespace MedSegDsl.Models;

/// <summary>
/// The JSON in front of the data of a safetensors file: where each tensor lies, and words beside them.
/// </summary>
/// <param name="Entries">The tensors in the order of their data.</param>
/// <param name="Metadata">Free words; <c>__metadata__</c> in the file.</param>
internal sealed record SafetensorsHeader(
    IReadOnlyList<SafetensorsHeader.Entry> Entries, Dictionary<string, string> Metadata)
{
    private const string MetadataKey = "__metadata__";

    private static readonly (string Name, ScalarType Type)[] Types =
    [
        ("F64", ScalarType.Float64), ("I64", ScalarType.Int64), ("F32", ScalarType.Float32), ("I32", ScalarType.Int32),
        ("BF16", ScalarType.BFloat16), ("F16", ScalarType.Float16), ("I16", ScalarType.Int16), ("I8", ScalarType.Int8),
        ("U8", ScalarType.Byte), ("BOOL", ScalarType.Bool),
    ];

    /// <summary>
    /// Lays tensors out end to end: wide types first, so that each starts at a multiple of its width.
    /// </summary>
    /// <exception cref="ModelException">A tensor of a type that is not written.</exception>
    public static SafetensorsHeader Of(
        IReadOnlyDictionary<string, Tensor> tensors, IReadOnlyDictionary<string, string> metadata)
    {
        var entries = new List<Entry>();
        var position = 0L;
        foreach (var (name, tensor) in tensors.OrderBy(t => (-Width(t.Key, t.Value.dtype), t.Key), Order))
        {
            var end = position + tensor.numel() * Width(name, tensor.dtype);
            entries.Add(new Entry(name, tensor.dtype, tensor.shape, position, end));
            position = end;
        }

        return new SafetensorsHeader(entries, new Dictionary<string, string>(metadata));
    }

    /// <summary>Reads and checks the JSON.</summary>
    /// <param name="json">The header's bytes.</param>
    /// <param name="dataLength">The bytes that follow the header.</param>
    /// <exception cref="InvalidDataException">What is wrong, without the file's name.</exception>
    public static SafetensorsHeader Parse(ReadOnlyMemory<byte> json, long dataLength)
    {
        using var document = ParseJson(json);
        var entries = new List<Entry>();
        var metadata = new Dictionary<string, string>();
        foreach (var property in document.RootElement.EnumerateObject())
        {
            if (property.NameEquals(MetadataKey))
            {
                metadata = ParseMetadata(property.Value);
            }
            else
            {
                entries.Add(ParseEntry(property.Name, property.Value));
            }
        }

        entries.Sort((a, b) => (a.Begin, a.End).CompareTo((b.Begin, b.End)));
        CheckLayout(entries, dataLength);
        return new SafetensorsHeader(entries, metadata);
    }

    /// <summary>The JSON, padded with spaces to a multiple of 8 bytes.</summary>
    public byte[] ToJson()
    {
        using var stream = new MemoryStream();
        using (var writer = new Utf8JsonWriter(stream))
        {
            writer.WriteStartObject();
            WriteMetadata(writer);
            foreach (var entry in Entries)
            {
                entry.Write(writer);
            }

            writer.WriteEndObject();
        }

        while (stream.Length % 8 != 0)
        {
            stream.WriteByte((byte)' ');
        }

        return stream.ToArray();
    }

    private static readonly IComparer<(int, string)> Order = Comparer<(int Width, string Name)>.Create((a, b) =>
        a.Width != b.Width ? a.Width.CompareTo(b.Width) : string.CompareOrdinal(a.Name, b.Name));

    private static int Width(string name, ScalarType type) =>
        Types.Any(known => known.Type == type)
            ? TensorBytes.ElementSize(type)
            : throw new ModelException($"{name}: tensors of type {type} are not written to safetensors files");

    private static JsonDocument ParseJson(ReadOnlyMemory<byte> json)
    {
        try
        {
            var document = JsonDocument.Parse(json, new JsonDocumentOptions { AllowDuplicateProperties = false });
            return document.RootElement.ValueKind == JsonValueKind.Object
                ? document
                : throw new InvalidDataException("its header is not a JSON object");
        }
        catch (JsonException cause)
        {
            throw new InvalidDataException($"its header is not valid JSON ({cause.Message})", cause);
        }
    }

    private static Dictionary<string, string> ParseMetadata(JsonElement element) =>
        element.ValueKind == JsonValueKind.Object
        && element.EnumerateObject().All(word => word.Value.ValueKind == JsonValueKind.String)
            ? element.EnumerateObject().ToDictionary(word => word.Name, word => word.Value.GetString()!)
            : throw new InvalidDataException($"{MetadataKey} must be an object of strings");

    private static Entry ParseEntry(string name, JsonElement element)
    {
        if (element.ValueKind != JsonValueKind.Object
            || !element.TryGetProperty("dtype", out var dtype) || dtype.ValueKind != JsonValueKind.String
            || !element.TryGetProperty("shape", out var shapeElement) || Numbers(shapeElement) is not { } shape
            || !element.TryGetProperty("data_offsets", out var offsets) || Numbers(offsets) is not [var begin, var end])
        {
            throw new InvalidDataException($"{name} must have a dtype, a shape and two data_offsets, whole numbers from 0");
        }

        var type = Array.Find(Types, t => t.Name == dtype.GetString());
        if (type.Name is null)
        {
            throw new InvalidDataException(
                $"{name} has the type {dtype.GetString()}; what can be read is {string.Join(", ", Types.Select(t => t.Name))}");
        }

        if (BytesOf(shape, TensorBytes.ElementSize(type.Type)) != end - begin)
        {
            throw new InvalidDataException(
                $"{name} has {end - begin} bytes of data, not what {type.Name} of ({string.Join(", ", shape)}) takes");
        }

        return new Entry(name, type.Type, shape, begin, end);
    }

    private static long[]? Numbers(JsonElement element)
    {
        if (element.ValueKind != JsonValueKind.Array)
        {
            return null;
        }

        var numbers = new List<long>();
        foreach (var item in element.EnumerateArray())
        {
            if (item.ValueKind != JsonValueKind.Number || !item.TryGetInt64(out var number) || number < 0)
            {
                return null;
            }

            numbers.Add(number);
        }

        return [.. numbers];
    }

    private static Int128 BytesOf(long[] shape, int width)
    {
        // A shape from a corrupt file may overflow anything; beyond 2⁶³ it is wrong whatever it is.
        Int128 bytes = width;
        foreach (var size in shape)
        {
            bytes = Int128.Min(bytes * size, (Int128)long.MaxValue + 1);
        }

        return bytes;
    }

    private static void CheckLayout(List<Entry> entries, long dataLength)
    {
        var position = 0L;
        foreach (var entry in entries)
        {
            if (entry.Begin != position)
            {
                throw new InvalidDataException(
                    $"the data of {entry.Name} begins at byte {entry.Begin} where the data before it ends at {position}");
            }

            position = entry.End;
        }

        if (position != dataLength)
        {
            var state = position > dataLength ? "truncated" : "longer than its header says";
            throw new InvalidDataException($"it is {state}: {dataLength} bytes of data instead of {position}");
        }
    }

    private void WriteMetadata(Utf8JsonWriter writer)
    {
        if (Metadata.Count == 0)
        {
            return;
        }

        writer.WriteStartObject(MetadataKey);
        foreach (var (key, value) in Metadata.OrderBy(word => word.Key, StringComparer.Ordinal))
        {
            writer.WriteString(key, value);
        }

        writer.WriteEndObject();
    }

    /// <summary>One tensor: its data are the bytes from Begin up to End, counted from the header's end.</summary>
    internal sealed record Entry(string Name, ScalarType Type, long[] Shape, long Begin, long End)
    {
        public void Write(Utf8JsonWriter writer)
        {
            writer.WriteStartObject(Name);
            writer.WriteString("dtype", Array.Find(Types, t => t.Type == Type).Name);
            WriteNumbers(writer, "shape", Shape);
            WriteNumbers(writer, "data_offsets", [Begin, End]);
            writer.WriteEndObject();
        }

        private static void WriteNumbers(Utf8JsonWriter writer, string name, long[] numbers)
        {
            writer.WriteStartArray(name);
            foreach (var number in numbers)
            {
                writer.WriteNumberValue(number);
            }

            writer.WriteEndArray();
        }
    }
}
