using System.Text.Json;
using System.Text.Json.Nodes;

namespace MedSegDsl.Runtime.Files;

/// <summary>Typed reading of a JSON object's fields. Every error names the file and the field, and says what
/// was expected.</summary>
/// <param name="Json">The object.</param>
/// <param name="Source">The file and, inside it, the place of the object: <c>nnUNetPlans.json:
/// configurations.2d</c>.</param>
public readonly record struct JsonFields(JsonObject Json, string Source)
{
    /// <summary>The object that a file consists of.</summary>
    /// <exception cref="UserException">The file cannot be read, or holds something other than an
    /// object.</exception>
    public static JsonFields Read(string path) => PythonJson.Read(path) is JsonObject json
        ? new(json, path)
        : throw new UserException($"{path}: should be a JSON object with named fields");

    /// <summary>True where the field is there and not null.</summary>
    public bool Has(string name) => Json[name] is not null;

    /// <summary>A field of any kind.</summary>
    public JsonNode Node(string name) => Json[name] ?? throw new UserException($"{Source}: \"{name}\" is missing");

    /// <summary>A field that is an object.</summary>
    public JsonFields Object(string name) => Node(name) is JsonObject json
        ? new(json, $"{Source}{(Source.EndsWith(".json", StringComparison.Ordinal) ? ": " : ".")}{name}")
        : throw Wrong(name, "an object");

    /// <summary>Text.</summary>
    public string Text(string name) => As<string>(Node(name), name, "a string");

    /// <summary>Text, or null where the field is missing or null.</summary>
    public string? OptionalText(string name) => Has(name) ? Text(name) : null;

    /// <summary>True or false.</summary>
    public bool Flag(string name) => As<bool>(Node(name), name, "true or false");

    /// <summary>A whole number; Python also writes 2.0 for 2.</summary>
    public int Whole(string name) => Whole(Node(name), name);

    /// <summary>A number.</summary>
    public double Number(string name) => Number(Node(name), name, "a number");

    /// <summary>A list of text.</summary>
    public string[] Texts(string name)
    {
        var self = this;
        return List(name, element => self.As<string>(element, name, "a list of strings"));
    }

    /// <summary>A list of true and false.</summary>
    public bool[] Flags(string name)
    {
        var self = this;
        return List(name, element => self.As<bool>(element, name, "a list of true and false"));
    }

    /// <summary>A list of whole numbers.</summary>
    public int[] Wholes(string name)
    {
        var self = this;
        return List(name, element => self.Whole(element, name));
    }

    /// <summary>A list of numbers.</summary>
    public double[] Numbers(string name)
    {
        var self = this;
        return List(name, element => self.Number(element, name, "a list of numbers"));
    }

    /// <summary>A list of lists of whole numbers, such as the strides of each stage.</summary>
    public int[][] WholeRows(string name)
    {
        var self = this;
        return List(name, row => row is JsonArray list
            ? list.Select(element => self.Whole(element, name)).ToArray()
            : throw self.Wrong(name, "a list of lists of whole numbers"));
    }

    /// <summary>A list of lists of numbers, such as the spacing of each case.</summary>
    public double[][] NumberRows(string name)
    {
        var self = this;
        return List(name, row => row is JsonArray list
            ? list.Select(element => self.Number(element, name, "a list of lists of numbers")).ToArray()
            : throw self.Wrong(name, "a list of lists of numbers"));
    }

    /// <summary>The error for a field of the wrong kind.</summary>
    public UserException Wrong(string name, string expected) =>
        new($"{Source}: \"{name}\" should be {expected}, not {Shorten(Json[name])}");

    private T[] List<T>(string name, Func<JsonNode?, T> read) => Node(name) is JsonArray list
        ? list.Select(read).ToArray()
        : throw Wrong(name, "a list");

    private T As<T>(JsonNode? node, string name, string expected) =>
        node is JsonValue value && value.TryGetValue<T>(out var result) ? result : throw Wrong(name, expected);

    private double Number(JsonNode? node, string name, string expected) => node is not JsonValue value ? throw Wrong(name, expected)
        : value.TryGetValue<double>(out var number) ? number
        : value.TryGetValue<int>(out var whole) ? whole
        : throw Wrong(name, expected);

    private int Whole(JsonNode? node, string name)
    {
        if (node is JsonValue value && value.GetValueKind() == JsonValueKind.Number)
        {
            if (value.TryGetValue<int>(out var whole))
                return whole;
            if (value.TryGetValue<double>(out var number) && number == Math.Floor(number) && Math.Abs(number) <= int.MaxValue)
                return (int)number;
        }

        throw Wrong(name, "a whole number, or a list of them");
    }

    private static string Shorten(JsonNode? node)
    {
        var text = node is null ? "null" : PythonJson.ToText(node).ReplaceLineEndings(" ");
        return text.Length <= 60 ? text : text[..57] + "...";
    }
}
