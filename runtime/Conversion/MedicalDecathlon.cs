using System.Globalization;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using MedSegDsl.Runtime.Nifti;

namespace MedSegDsl.Runtime.Conversion;

/// <summary>A task of the Medical Segmentation Decathlon (medicaldecathlon.com, arXiv 1902.09063): a folder
/// TaskNN_Name. Its dataset.json lists the cases and their numbers; images of several channels are 4D and are
/// split into one file for each channel, as nnU-Net's convert_MSD_dataset does.</summary>
public static partial class MedicalDecathlon
{
    /// <summary>Looks at a task.</summary>
    /// <param name="folder">TaskNN_Name with imagesTr, labelsTr, imagesTs and dataset.json.</param>
    /// <exception cref="UserException">The folder has another name, or it or its dataset.json is missing or
    /// wrong.</exception>
    public static Release Find(string folder)
    {
        const string title = "the Medical Segmentation Decathlon";
        folder = ReleaseChecks.Existing(folder, title);
        var name = TaskName().Match(Path.GetFileName(Path.TrimEndingDirectorySeparator(folder)));
        if (!name.Success)
            throw new UserException($"{folder}: is no task of {title}: its name should read Task05_Prostate");
        var manifest = ReleaseManifest.Read(folder);
        var channels = manifest.Fields.Object("modality");
        ReleaseChecks checks = new(folder);
        List<ReleaseCase> cases = [];
        foreach (var (list, number, set) in new[] { ("training", "numTraining", CaseSet.Training), ("test", "numTest", CaseSet.Test) })
        {
            var entries = manifest.Entries(list);
            checks.Count($"cases in the list \"{list}\" of dataset.json", entries.Count, manifest.Fields.Whole(number));
            foreach (var entry in entries)
            {
                var label = set == CaseSet.Test ? null
                    : entry.Label ?? throw new UserException($"{manifest.Fields.Source}: case {entry.Id} of \"{list}\" has no label");
                if (checks.HasAll(entry.Id, label is null ? [entry.Image] : [entry.Image, label]))
                    cases.Add(new(
                        entry.Id,
                        set,
                        channels.Json.Count,
                        targets => NiftiVolumes.Split(entry.Image, targets),
                        label is null ? null : target => ReleaseCase.Copy(label, target)));
            }
        }

        return new()
        {
            Folder = folder,
            Title = $"{title}, {name.Value}",
            DatasetId = int.Parse(name.Groups[1].Value, CultureInfo.InvariantCulture),
            Name = name.Groups[2].Value,
            Cases = cases,
            Problems = checks.Problems,
            DatasetJson = Json(manifest, channels.Json),
        };
    }

    // What the release says of itself stays, but for the lists of cases and what nnU-Net writes in another way.
    private static JsonObject Json(ReleaseManifest manifest, JsonObject channels)
    {
        JsonObject json = new()
        {
            ["channel_names"] = ReleaseFacts.Channels(channels.OrderBy(pair => pair.Key.Length).ThenBy(pair => pair.Key, StringComparer.Ordinal)
                .Select(pair => pair.Value!.ToString())),
            ["labels"] = manifest.Labels(),
        };
        foreach (var (key, value) in manifest.Fields.Json)
            if (key is not ("labels" or "modality" or "training" or "test" or "numTraining" or "numTest"))
                json[key] = value?.DeepClone();
        return json;
    }

    [GeneratedRegex(@"^Task(\d{2,3})_(.+)$")]
    private static partial Regex TaskName();
}
