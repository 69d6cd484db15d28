using System.Text.Json.Nodes;
using MedSegDsl.Runtime.Files;

namespace MedSegDsl.Runtime.Conversion;

/// <summary>The label lists and numbers of each release, kept as JSON beside the code.</summary>
internal static class ReleaseFacts
{
    /// <summary>The facts of a release.</summary>
    /// <param name="name">The file in Labels without its ending.</param>
    public static JsonFields Of(string name)
    {
        var file = $"{name}.json";
        using var stream = typeof(ReleaseFacts).Assembly.GetManifestResourceStream($"{typeof(ReleaseFacts).Namespace}.Labels.{file}")
            ?? throw new InvalidOperationException($"{file} is not embedded");
        using var reader = new StreamReader(stream);
        return new((JsonObject)PythonJson.Parse(reader.ReadToEnd(), file), file);
    }

    /// <summary>The names of each group of labels, in the order of their numbers.</summary>
    public static IReadOnlyList<KeyValuePair<string, string[]>> Groups(this JsonFields facts)
    {
        var groups = facts.Object("groups");
        return [.. groups.Json.Select(pair => KeyValuePair.Create(pair.Key, groups.Texts(pair.Key)))];
    }

    /// <summary>Names with numbers from 1 on, after background.</summary>
    public static JsonObject Numbered(IEnumerable<string> names) => new(
        names.Prepend("background").Select((name, i) => KeyValuePair.Create<string, JsonNode?>(name, i)));

    /// <summary>Channel names by number.</summary>
    public static JsonObject Channels(IEnumerable<string> names) => new(
        names.Select((name, i) => KeyValuePair.Create<string, JsonNode?>($"{i}", name)));
}
