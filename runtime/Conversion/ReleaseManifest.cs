using System.Text.Json.Nodes;
using MedSegDsl.Runtime.Files;

namespace MedSegDsl.Runtime.Conversion;

/// <summary>The dataset.json that comes with a release of AMOS or of the Medical Segmentation Decathlon: lists
/// of cases and label names by number.</summary>
internal sealed class ReleaseManifest
{
    private readonly string folder;

    private ReleaseManifest(string folder, JsonFields fields)
    {
        this.folder = folder;
        Fields = fields;
    }

    /// <summary>One case of a list.</summary>
    /// <param name="Id">The image's name without its ending.</param>
    /// <param name="Image">The image file.</param>
    /// <param name="Label">The label file; null where none is listed.</param>
    public sealed record Entry(string Id, string Image, string? Label);

    /// <summary>The whole file.</summary>
    public JsonFields Fields { get; }

    /// <summary>Reads the dataset.json of a release.</summary>
    /// <exception cref="UserException">It is missing or no JSON.</exception>
    public static ReleaseManifest Read(string folder) => new(folder, JsonFields.Read(Path.Combine(folder, "dataset.json")));

    /// <summary>The cases of a list, each an object with image and label or just the image's path.</summary>
    /// <exception cref="UserException">The list is missing or has another form.</exception>
    public IReadOnlyList<Entry> Entries(string list) => Fields.Node(list) is JsonArray entries
        ? [.. entries.Select(entry => Listed(list, entry))]
        : throw Fields.Wrong(list, "a list of cases");

    /// <summary>Label names and numbers in the order of the file, which has the number first.</summary>
    /// <exception cref="UserException">The labels are missing or have another form.</exception>
    public JsonObject Labels()
    {
        JsonObject labels = [];
        var listed = Fields.Object("labels");
        foreach (var number in listed.Json.Select(pair => pair.Key))
            labels[listed.Text(number)] = int.TryParse(number, out var label) ? label : throw Fields.Wrong("labels", "names by number");
        return labels;
    }

    private Entry Listed(string list, JsonNode? entry)
    {
        var both = entry as JsonObject;
        var image = (both is null ? entry : both["image"]) as JsonValue;
        if (image is null || !image.TryGetValue<string>(out var path))
            throw Fields.Wrong(list, "a list of cases, each with its image");
        var name = Path.GetFileName(path);
        return new(
            name.EndsWith(".nii.gz", StringComparison.Ordinal) ? name[..^7] : Path.GetFileNameWithoutExtension(name),
            Absolute(path),
            both?["label"] is JsonValue label && label.TryGetValue<string>(out var labelPath) ? Absolute(labelPath) : null);
    }

    private string Absolute(string path) => Path.GetFullPath(path, folder);
}
