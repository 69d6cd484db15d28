using System.Text.RegularExpressions;
using MedSegDsl.Runtime.Files;

namespace MedSegDsl.Runtime.Dataset;

/// <summary>Finds the cases of a raw dataset and the files of each.</summary>
public static partial class CaseList
{
    /// <summary>The training cases: from the <c>dataset</c> key of dataset.json in its order, else from
    /// imagesTr and labelsTr in ordinal order.</summary>
    /// <param name="datasetFolder">The folder of dataset.json.</param>
    /// <param name="dataset">Its dataset.json.</param>
    /// <exception cref="UserException">A folder is missing, or names do not follow the rule.</exception>
    public static IReadOnlyList<CaseFiles> Training(string datasetFolder, DatasetJson dataset)
    {
        if (dataset.Json.ContainsKey("dataset"))
            return Listed(datasetFolder, new JsonFields(dataset.Json, dataset.Source).Object("dataset"));
        var labels = Path.Combine(datasetFolder, "labelsTr");
        return
        [
            .. ImagesIn(Path.Combine(datasetFolder, "imagesTr"), dataset.FileEnding)
                .Select(files => files with { Label = Path.Combine(labels, files.Id + dataset.FileEnding) }),
        ];
    }

    /// <summary>The cases of a folder of images, in ordinal order: files <c>CASE_0000.nii.gz</c>, one for
    /// each channel.</summary>
    /// <param name="folder">imagesTr, imagesTs, or a folder to predict.</param>
    /// <param name="fileEnding">The ending with its dot.</param>
    /// <exception cref="UserException">The folder is missing, or a name has no channel number.</exception>
    public static IReadOnlyList<CaseFiles> ImagesIn(string folder, string fileEnding)
    {
        if (!Directory.Exists(folder))
            throw new UserException($"{folder}: no such folder; images are expected there");
        Dictionary<string, List<string>> channels = new(StringComparer.Ordinal);
        var files = Directory.EnumerateFiles(folder).Select(path => Path.GetFileName(path))
            .Where(name => name.EndsWith(fileEnding, StringComparison.Ordinal))
            .Order(StringComparer.Ordinal);
        foreach (var name in files)
        {
            var stem = name[..^fileEnding.Length];
            if (!ChannelNumber().IsMatch(stem))
                throw new UserException(
                    $"{Path.Combine(folder, name)}: image names end in a channel number, as in {stem}_0000{fileEnding}");
            var id = stem[..^5];
            if (!channels.TryGetValue(id, out var paths))
                channels[id] = paths = [];
            paths.Add(Path.Combine(folder, name));
        }

        return
        [
            .. channels.OrderBy(pair => pair.Key, StringComparer.Ordinal).Select(pair => new CaseFiles(pair.Key, pair.Value, null)),
        ];
    }

    private static List<CaseFiles> Listed(string folder, JsonFields listed)
    {
        List<CaseFiles> cases = [];
        foreach (var id in listed.Json.Select(pair => pair.Key))
        {
            var entry = listed.Object(id);
            cases.Add(new CaseFiles(
                id,
                [.. entry.Texts("images").Select(path => Expand(folder, path))],
                Expand(folder, entry.Text("label"))));
        }

        return cases;
    }

    // As os.path.expandvars: a variable that is not set stays as it is written.
    private static string Expand(string folder, string path) => Path.GetFullPath(
        Variable().Replace(path, match => Environment.GetEnvironmentVariable(match.Groups[1].Value + match.Groups[2].Value) ?? match.Value),
        Path.GetFullPath(folder));

    [GeneratedRegex(@"._\d{4}$")]
    private static partial Regex ChannelNumber();

    [GeneratedRegex(@"\$(?:\{(\w+)\}|(\w+))")]
    private static partial Regex Variable();
}
