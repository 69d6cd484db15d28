using System.Globalization;
using System.Numerics;
using System.Text.Json.Nodes;

namespace MedSegDsl.Models;

/// <summary>Pickled data as JSON: the plans and dataset.json inside nnU-Net's checkpoints.</summary>
internal static class PickleJson
{
    // Deeper than any plans; data that contain themselves end here.
    private const int MostDepth = 64;

    /// <summary>The JSON of a dictionary.</summary>
    /// <exception cref="InvalidDataException">A value that JSON does not have.</exception>
    public static JsonObject Of(PickleDictionary dictionary) => (JsonObject)Node(dictionary, 0)!;

    private static JsonNode? Node(object? value, int depth) => depth > MostDepth
        ? throw new InvalidDataException("its pickled plans are nested too deep")
        : value switch
        {
            null => null,
            bool flag => JsonValue.Create(flag),
            long whole => JsonNode.Parse(whole.ToString(CultureInfo.InvariantCulture)),
            double number => Number(number),
            string text => JsonValue.Create(text),
            List<object?> items => Array(items, depth),
            PickleTuple tuple => Array(tuple.Items, depth),
            PickleDictionary dictionary => new JsonObject(dictionary.Items.Select(item =>
                KeyValuePair.Create(Key(item.Key), Node(item.Value, depth + 1)))),
            PickleObject kept => throw new InvalidDataException($"its pickled plans hold a {kept.Type}, which JSON does not have"),
            BigInteger big => throw new InvalidDataException($"its pickled plans hold the number {big}, which is too large"),
            _ => throw new InvalidDataException($"its pickled plans hold a {value.GetType().Name}, which JSON does not have"),
        };

    /// <summary>A float with the text that Python gives it: 54.0 stays a float.</summary>
    private static JsonNode? Number(double number)
    {
        if (!double.IsFinite(number))
        {
            return JsonValue.Create(number);
        }

        var text = number.ToString("R", CultureInfo.InvariantCulture);
        return JsonNode.Parse(text.AsSpan().IndexOfAny('.', 'E') < 0 ? text + ".0" : text);
    }

    private static JsonArray Array(IReadOnlyList<object?> items, int depth) =>
        [.. items.Select(item => Node(item, depth + 1))];

    private static string Key(object? key) => key switch
    {
        string text => text,
        long whole => whole.ToString(CultureInfo.InvariantCulture),
        _ => throw new InvalidDataException("its pickled plans have a key that is no text"),
    };
}
