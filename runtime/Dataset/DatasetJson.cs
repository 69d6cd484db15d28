using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using MedSegDsl.Runtime.Files;

namespace MedSegDsl.Runtime.Dataset;

/// <summary>dataset.json of nnU-Net v2: channels, labels, number of cases, file ending
/// (documentation/dataset_format.md of MIC-DKFZ/nnUNet).</summary>
public sealed class DatasetJson
{
    /// <summary>Reads and checks the content of a dataset.json.</summary>
    /// <param name="json">The content.</param>
    /// <param name="source">The file, for errors.</param>
    /// <exception cref="UserException">Something is missing or wrong; the line lists everything
    /// found.</exception>
    public DatasetJson(JsonObject json, string source)
    {
        Json = json;
        Source = source;
        var problems = Problems(json);
        if (problems.Count > 0)
            throw new UserException($"{source}: {string.Join("; ", problems)}");
        var fields = new JsonFields(json, source);
        ChannelNames = [.. Channels(json)!.Select(pair => pair.Value!.GetValue<string>())];
        Labels = LabelEntries((JsonObject)json["labels"]!)!;
        RegionsClassOrder = fields.Has("regions_class_order") ? fields.Wholes("regions_class_order") : null;
        TrainingCases = fields.Whole("numTraining");
        FileEnding = fields.Text("file_ending");
        ImageReaderWriter = fields.OptionalText("overwrite_image_reader_writer") is { } reader and not "None" ? reader : null;
        LabelManager = new LabelManager(Labels, RegionsClassOrder);
    }

    /// <summary>The content as it was read, unknown keys included.</summary>
    public JsonObject Json { get; }

    /// <summary>The file it was read from.</summary>
    public string Source { get; }

    /// <summary>Names of the image channels, channel 0 first. The name decides the normalization.</summary>
    public IReadOnlyList<string> ChannelNames { get; }

    /// <summary>The entries of <c>labels</c> in file order.</summary>
    public IReadOnlyList<LabelEntry> Labels { get; }

    /// <summary>One label value for each region: what is written where the region is predicted, later ones
    /// over earlier ones.</summary>
    public int[]? RegionsClassOrder { get; }

    /// <summary>The number of training cases that the file claims.</summary>
    public int TrainingCases { get; }

    /// <summary>The ending of images and labels, with its dot: <c>.nii.gz</c>.</summary>
    public string FileEnding { get; }

    /// <summary>The name of the reader to use (nnU-Net's class names), or null where the file ending
    /// decides.</summary>
    public string? ImageReaderWriter { get; }

    /// <summary>The label rules that follow from <see cref="Labels"/>.</summary>
    public LabelManager LabelManager { get; }

    /// <summary>Reads dataset.json of a folder.</summary>
    /// <exception cref="UserException">The file is missing or wrong.</exception>
    public static DatasetJson ReadFrom(string folder) => Read(Path.Combine(folder, "dataset.json"));

    /// <summary>Reads a dataset.json.</summary>
    /// <exception cref="UserException">The file is missing or wrong.</exception>
    public static DatasetJson Read(string path) => new(JsonFields.Read(path).Json, path);

    /// <summary>Everything that is wrong with the content, one line each; empty where it can be
    /// used.</summary>
    public static IReadOnlyList<string> Problems(JsonObject json)
    {
        List<string> problems = [];
        if (Channels(json) is not { Count: > 0 } channels)
            problems.Add("\"channel_names\" should name each channel: {\"0\": \"CT\"}");
        else if (channels.Select((pair, i) => pair.Key != i.ToString(CultureInfo.InvariantCulture)
                                              || pair.Value?.GetValueKind() != JsonValueKind.String).Any(wrong => wrong))
            problems.Add("\"channel_names\" should count from \"0\" in order, each with a name");
        if (json["numTraining"] is not JsonValue count || !count.TryGetValue<int>(out var cases) || cases < 0)
            problems.Add("\"numTraining\" should be the number of training cases");
        if (Text(json["file_ending"]) is not { Length: > 1 } ending || ending[0] != '.')
            problems.Add("\"file_ending\" should be the images' ending with its dot: \".nii.gz\"");
        if (json["overwrite_image_reader_writer"] is { } reader && Text(reader) is null)
            problems.Add("\"overwrite_image_reader_writer\" should be the name of a reader");
        if (json["labels"] is not JsonObject labels)
            problems.Add("\"labels\" should give each name its value: {\"background\": 0, \"liver\": 1}");
        else if (LabelEntries(labels) is not { } entries)
            problems.Add(labels.All(pair => int.TryParse(pair.Key, out _))
                ? "\"labels\" is in the old order: write name first, {\"background\": 0, \"liver\": 1}"
                : "\"labels\" should give each name a whole number from 0 on, or a list of them");
        else
            problems.AddRange(LabelManager.Problems(entries, ClassOrder(json, problems)));
        return problems;
    }

    // The list of the old name `modality` has the same form.
    private static JsonObject? Channels(JsonObject json) => (json["channel_names"] ?? json["modality"]) as JsonObject;

    private static string? Text(JsonNode? node) => node is JsonValue value && value.TryGetValue<string>(out var text) ? text : null;

    private static int[]? ClassOrder(JsonObject json, List<string> problems)
    {
        if (json["regions_class_order"] is not { } node)
            return null;
        var order = node is JsonArray list ? list.Select(Value).ToArray() : [null];
        if (order.All(value => value is not null))
            return [.. order.Select(value => value!.Value)];
        problems.Add("\"regions_class_order\" should be a list of label values");
        return null;
    }

    private static List<LabelEntry>? LabelEntries(JsonObject labels)
    {
        List<LabelEntry> entries = [];
        foreach (var (name, node) in labels)
        {
            var isList = node is JsonArray;
            var values = node is JsonArray list ? list.Select(Value).ToArray() : [Value(node)];
            if (values.Length == 0 || values.Any(value => value is null))
                return null;
            entries.Add(new LabelEntry(name, [.. values.Select(value => value!.Value)], isList));
        }

        return entries;
    }

    private static int? Value(JsonNode? node) =>
        node is JsonValue value && value.TryGetValue<int>(out var whole) && whole >= 0 ? whole : null;
}
