using System.Globalization;
using System.Text.Json.Nodes;

namespace MedSegDsl.Runtime.Conversion;

/// <summary>AMOS 2022 (doi 10.5281/zenodo.7262581): abdominal CT and MR, 15 organs. Training and validation
/// cases become nnU-Net's training cases, as its Dataset218 and Dataset219 converters have it; numbers up to
/// 500 are CT, above MR.</summary>
public static class Amos2022
{
    /// <summary>Task 1: the CT scans.</summary>
    /// <param name="folder">The folder of imagesTr, labelsTr, imagesVa, labelsVa, imagesTs and
    /// dataset.json.</param>
    /// <exception cref="UserException">The folder or its dataset.json is missing or wrong.</exception>
    public static Release FindCt(string folder) => Find(folder, withMr: false);

    /// <summary>Task 2: CT and MR scans.</summary>
    /// <inheritdoc cref="FindCt"/>
    public static Release FindCtAndMr(string folder) => Find(folder, withMr: true);

    private static Release Find(string given, bool withMr)
    {
        var title = withMr ? "AMOS 2022 (CT and MR)" : "AMOS 2022 (CT)";
        var folder = ReleaseChecks.Existing(given, title);
        var facts = ReleaseFacts.Of("amos");
        var manifest = ReleaseManifest.Read(folder);
        ReleaseChecks checks = new(folder);
        List<ReleaseCase> cases = [];
        foreach (var (list, set) in new[] { ("training", CaseSet.Training), ("validation", CaseSet.Training), ("test", CaseSet.Test) })
            cases.AddRange(Cases(folder, manifest, list, set, withMr, checks));
        var labels = manifest.Labels();
        if (!JsonNode.DeepEquals(labels, facts.Node("labels")))
            checks.Add($"dataset.json: its labels are not those published ({ReleaseChecks.Names([.. facts.Object("labels").Json.Select(pair => pair.Key)])})");
        return new()
        {
            Folder = folder,
            Title = title,
            DatasetId = withMr ? 219 : 218,
            Name = withMr ? "AMOS2022_postChallenge_task2" : "AMOS2022_postChallenge_task1",
            Cases = cases,
            Problems = checks.Problems,
            DatasetJson = new()
            {
                ["channel_names"] = ReleaseFacts.Channels([withMr ? "either_CT_or_MR" : "CT"]),
                ["labels"] = labels,
                ["name"] = withMr ? "AMOS2022_postChallenge_task2" : "AMOS2022_postChallenge_task1",
                ["reference"] = "https://amos22.grand-challenge.org/",
                ["release"] = "https://zenodo.org/record/7262581",
                ["overwrite_image_reader_writer"] = "NibabelIOWithReorient",
            },
        };
    }

    private static List<ReleaseCase> Cases(
        string folder, ReleaseManifest manifest, string list, CaseSet set, bool withMr, ReleaseChecks checks)
    {
        var facts = ReleaseFacts.Of("amos");
        var lastCt = facts.Whole("last_ct");
        var entries = manifest.Entries(list);
        var counts = facts.Object("cases");
        if (set == CaseSet.Test)
            checks.Count($"test cases in dataset.json", entries.Count, counts.Whole(list));
        else
            foreach (var (modality, isCt) in withMr ? [("CT", true), ("MR", false)] : new[] { ("CT", true) })
                checks.Count(
                    $"{modality} scans for {list} in dataset.json",
                    entries.Count(entry => Number(manifest, entry) <= lastCt == isCt),
                    counts.Object(list).Whole(modality));
        List<ReleaseCase> cases = [];
        foreach (var entry in entries.Where(entry => withMr || Number(manifest, entry) <= lastCt))
        {
            var label = set == CaseSet.Training ? entry.Label ?? LabelBeside(entry) : LabelBeside(entry);
            var needed = set == CaseSet.Training ? new[] { entry.Image, label } : [entry.Image];
            if (checks.HasAll(entry.Id, needed))
                cases.Add(ReleaseCase.OfFiles(
                    entry.Id, set, [entry.Image], File.Exists(label) ? target => ReleaseCase.Copy(label, target) : null));
        }

        return cases;
    }

    private static int Number(ReleaseManifest manifest, ReleaseManifest.Entry entry) =>
        int.TryParse(entry.Id[(entry.Id.LastIndexOf('_') + 1)..], NumberStyles.None, CultureInfo.InvariantCulture, out var number)
            ? number
            : throw new UserException($"{manifest.Fields.Source}: \"{entry.Id}\" should end in the number of the case: amos_0001");

    // The labels of the test cases were withheld at first.
    private static string LabelBeside(ReleaseManifest.Entry entry)
    {
        var images = Path.GetDirectoryName(entry.Image)!;
        return Path.Combine(Path.GetDirectoryName(images)!, Path.GetFileName(images).Replace("images", "labels"), Path.GetFileName(entry.Image));
    }
}
