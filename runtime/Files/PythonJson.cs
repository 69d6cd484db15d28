using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace MedSegDsl.Runtime.Files;

/// <summary>JSON as Python's json module writes and reads it: four spaces, one element a line, floats in
/// Python's
/// notation (54.0, 1e-05), the bare words NaN and Infinity. nnU-Net's plans, fingerprints, splits and
/// summaries are such files.</summary>
public static class PythonJson
{
    /// <summary>Reads a file. Numbers that are not touched keep their text when written again.</summary>
    /// <exception cref="UserException">The file is missing, unreadable or not JSON.</exception>
    public static JsonNode Read(string path)
    {
        try
        {
            return Parse(File.ReadAllText(path), path);
        }
        catch (Exception cause) when (cause is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new UserException($"{path}: no such file", cause);
        }
        catch (Exception cause) when (cause is IOException or UnauthorizedAccessException)
        {
            throw new UserException($"{path}: cannot be read: {cause.Message}", cause);
        }
    }

    /// <summary>Parses text.</summary>
    /// <param name="text">The JSON.</param>
    /// <param name="source">What an error names: the file.</param>
    /// <exception cref="UserException">The text is not JSON, or JSON's bare null.</exception>
    public static JsonNode Parse(string text, string source)
    {
        try
        {
            var node = JsonNode.Parse(QuoteBareNumbers(text), documentOptions: new() { MaxDepth = 64 })
                       ?? throw new UserException($"{source}: holds nothing but null");
            _ = Count(node);
            return text.Contains("NaN") || text.Contains("Infinity") ? Unquote(node)! : node;
        }
        catch (Exception cause) when (cause is JsonException or ArgumentException)
        {
            throw new UserException($"{source}: is not valid JSON: {cause.Message}", cause);
        }
    }

    /// <summary>Writes a file whole, without a final line break, as nnU-Net does.</summary>
    /// <param name="path">The file.</param>
    /// <param name="node">Its content.</param>
    /// <param name="sortKeys">Keys in ordinal order instead of the order they were added in.</param>
    public static void Write(string path, JsonNode node, bool sortKeys = false) =>
        AtomicFile.WriteText(path, ToText(node, sortKeys));

    /// <summary>The text of json.dumps with indent 4.</summary>
    public static string ToText(JsonNode node, bool sortKeys = false)
    {
        var text = new StringBuilder();
        Append(text, node, sortKeys, 0);
        return text.ToString();
    }

    /// <summary>A double as Python prints it: the shortest digits that read back the same, with a point or an
    /// exponent.</summary>
    public static string Number(double value)
    {
        if (double.IsNaN(value))
            return "NaN";
        if (double.IsInfinity(value))
            return value > 0 ? "Infinity" : "-Infinity";
        var shortest = value.ToString("E16", CultureInfo.InvariantCulture);
        for (var digits = 0; digits < 16; digits++)
        {
            var candidate = value.ToString("E" + digits, CultureInfo.InvariantCulture);
            if (double.Parse(candidate, CultureInfo.InvariantCulture) != value)
                continue;
            shortest = candidate;
            break;
        }

        var sign = shortest[0] == '-' ? "-" : "";
        var parts = shortest.TrimStart('-').Split('E');
        var mantissa = parts[0].Replace(".", "");
        var exponent = int.Parse(parts[1], CultureInfo.InvariantCulture);
        if (exponent is < -4 or >= 16)
        {
            var fraction = mantissa.Length > 1 ? "." + mantissa[1..] : "";
            return $"{sign}{mantissa[0]}{fraction}e{(exponent < 0 ? '-' : '+')}{Math.Abs(exponent):00}";
        }

        if (exponent < 0)
            return $"{sign}0.{new string('0', -exponent - 1)}{mantissa}";
        var whole = mantissa.PadRight(exponent + 1, '0');
        var rest = whole[(exponent + 1)..];
        return $"{sign}{whole[..(exponent + 1)]}.{(rest.Length > 0 ? rest : "0")}";
    }

    /// <summary>A JSON list of values.</summary>
    public static JsonArray List<T>(IEnumerable<T> values) => new([.. values.Select(value => JsonValue.Create(value))]);

    private const string Mark = "\u0001";

    // System.Text.Json knows no bare NaN; such words become marked strings and, after parsing, numbers.
    private static string QuoteBareNumbers(string text)
    {
        if (!text.Contains("NaN") && !text.Contains("Infinity"))
            return text;
        var result = new StringBuilder(text.Length + 64);
        var inString = false;
        for (var i = 0; i < text.Length; i++)
        {
            if (text[i] == '"')
                inString = !inString;
            var word = inString ? null : BareNumbers.FirstOrDefault(w => string.CompareOrdinal(text, i, w, 0, w.Length) == 0);
            if (word is not null)
            {
                result.Append("\"\\u0001").Append(word).Append('"');
                i += word.Length - 1;
                continue;
            }

            result.Append(text[i]);
            if (inString && text[i] == '\\' && i + 1 < text.Length)
                result.Append(text[++i]);
        }

        return result.ToString();
    }

    private static readonly string[] BareNumbers = ["NaN", "-Infinity", "Infinity"];

    private static JsonNode? Unquote(JsonNode? node)
    {
        switch (node)
        {
            case JsonObject item:
                return new JsonObject(item.Select(pair => KeyValuePair.Create(pair.Key, Unquote(pair.Value))));
            case JsonArray list:
                return new JsonArray([.. list.Select(Unquote)]);
            case JsonValue value when value.TryGetValue<string>(out var text) && text.StartsWith(Mark, StringComparison.Ordinal):
                return JsonValue.Create(double.Parse(text[1..], CultureInfo.InvariantCulture));
            default:
                return node?.DeepClone();
        }
    }

    // Objects are read lazily; walking them here finds a key given twice before anybody asks for it.
    private static int Count(JsonNode? node) => node switch
    {
        JsonObject item => item.Sum(pair => Count(pair.Value)),
        JsonArray list => list.Sum(Count),
        _ => 1,
    };

    private static void Append(StringBuilder text, JsonNode? node, bool sortKeys, int depth)
    {
        switch (node)
        {
            case null:
                text.Append("null");
                break;
            case JsonObject item:
                var pairs = sortKeys ? item.OrderBy(pair => pair.Key, StringComparer.Ordinal) : item.AsEnumerable();
                AppendAll(text, '{', '}', pairs, depth, pair =>
                {
                    AppendString(text, pair.Key);
                    text.Append(": ");
                    Append(text, pair.Value, sortKeys, depth + 1);
                });
                break;
            case JsonArray list:
                AppendAll(text, '[', ']', list, depth, element => Append(text, element, sortKeys, depth + 1));
                break;
            case JsonValue value when value.TryGetValue<string>(out var word):
                AppendString(text, word);
                break;
            case JsonValue value when value.TryGetValue<JsonElement>(out var element):
                text.Append(element.GetRawText());
                break;
            case JsonValue value when value.GetValueKind() is JsonValueKind.True or JsonValueKind.False:
                text.Append(value.GetValue<bool>() ? "true" : "false");
                break;
            case JsonValue value when value.TryGetValue<double>(out var number):
                text.Append(Number(number));
                break;
            default:
                text.Append(node.ToJsonString());
                break;
        }
    }

    private static void AppendAll<T>(
        StringBuilder text, char open, char close, IEnumerable<T> elements, int depth, Action<T> append)
    {
        text.Append(open);
        var first = true;
        foreach (var element in elements)
        {
            text.Append(first ? "\n" : ",\n").Append(' ', 4 * (depth + 1));
            append(element);
            first = false;
        }

        if (!first)
            text.Append('\n').Append(' ', 4 * depth);
        text.Append(close);
    }

    private static void AppendString(StringBuilder text, string value)
    {
        text.Append('"');
        foreach (var c in value)
        {
            var escaped = c switch
            {
                '"' => "\\\"",
                '\\' => "\\\\",
                '\n' => "\\n",
                '\r' => "\\r",
                '\t' => "\\t",
                '\b' => "\\b",
                '\f' => "\\f",
                < ' ' or > '~' and not '\u007f' => $"\\u{(int)c:x4}",
                _ => null,
            };
            if (escaped is null)
                text.Append(c);
            else
                text.Append(escaped);
        }

        text.Append('"');
    }
}
