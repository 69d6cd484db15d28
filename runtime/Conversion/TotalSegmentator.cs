using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using MedSegDsl.Runtime.Dataset;
using MedSegDsl.Runtime.Files;

namespace MedSegDsl.Runtime.Conversion;

/// <summary>TotalSegmentator's data sets: a folder sNNNN for each subject with the scan and one mask file a
/// class. The masks become one label map; meta.csv's train and val become the one fold of splits_final.json,
/// its test subjects go to imagesTs and labelsTs. The groups of organs stay in dataset.json under
/// label_groups.</summary>
public static partial class TotalSegmentator
{
    private const string Meta = "meta.csv";

    /// <summary>CT, version 2 (doi 10.5281/zenodo.6802613): 117 classes in the order of class_map
    /// total.</summary>
    /// <param name="folder">The folder of the subjects and meta.csv.</param>
    /// <exception cref="UserException">The folder or meta.csv is missing or wrong.</exception>
    public static Release FindCt(string folder)
    {
        const string title = "TotalSegmentator CT v2";
        folder = ReleaseChecks.Existing(folder, title);
        var facts = ReleaseFacts.Of("totalsegmentator_ct");
        var groups = facts.Groups();
        ReleaseChecks checks = new(folder);
        var splits = MetaTable.Splits(Path.Combine(folder, Meta));
        checks.Count($"subjects in {Meta}", splits.Count, facts.Whole("cases"));
        string[] classes = [.. groups.SelectMany(group => group.Value)];
        return Found(folder, title, "ct.nii.gz", splits, classes, checks) with
        {
            DatasetId = 226,
            Name = "TotalSegmentatorCT",
            DatasetJson = Json(folder, "CT", classes, groups, "https://zenodo.org/record/6802614"),
        };
    }

    /// <summary>MRI (doi 10.5281/zenodo.11367004): the classes are those of the first subject's folder in
    /// alphabetical order, as nnU-Net's Dataset227 converter takes them. Without meta.csv all subjects are for
    /// training.</summary>
    /// <param name="folder">The folder of the subjects.</param>
    /// <exception cref="UserException">The folder is missing or holds no subject with masks.</exception>
    public static Release FindMr(string folder)
    {
        const string title = "TotalSegmentator MRI";
        folder = ReleaseChecks.Existing(folder, title);
        ReleaseChecks checks = new(folder);
        var meta = Path.Combine(folder, Meta);
        var splits = File.Exists(meta)
            ? MetaTable.Splits(meta)
            : Subjects(folder).ToDictionary(subject => subject, _ => "train", StringComparer.Ordinal);
        var classes = ClassesOfFirst(folder);
        var releases = ReleaseFacts.Of("totalsegmentator_mr").Node("releases").AsArray()
            .Select(node => new JsonFields((JsonObject)node!, "totalsegmentator_mr.json")).ToArray();
        var published = releases.MinBy(release => Difference(release, classes).Count())!;
        var groups = published.Groups();
        foreach (var name in Difference(published, classes))
            checks.Add(classes.Contains(name)
                ? $"the class {name} is not one of version {published.Text("version")}"
                : $"the class {name} of version {published.Text("version")} is missing");
        List<string> warnings = [];
        if (splits.Count != published.Whole("cases"))
            warnings.Add($"{splits.Count} subjects; version {published.Text("version")} was published with {published.Whole("cases")}");
        if (!File.Exists(meta))
            warnings.Add($"no {Meta}: all subjects are for training");
        return Found(folder, title, "mri.nii.gz", splits, classes, checks) with
        {
            DatasetId = 227,
            Name = "TotalSegmentatorMRI",
            DatasetJson = Json(folder, "MRI", classes, groups, "https://zenodo.org/records/11367004"),
            Warnings = warnings,
        };
    }

    private static Release Found(
        string folder, string title, string image, IReadOnlyDictionary<string, string> splits, string[] classes, ReleaseChecks checks)
    {
        var unlisted = Subjects(folder).Where(subject => !splits.ContainsKey(subject)).ToArray();
        if (unlisted.Length > 0)
            checks.Add($"{ReleaseChecks.Names(unlisted)} {(unlisted.Length == 1 ? "is" : "are")} not in {Meta}");
        List<ReleaseCase> cases = [];
        foreach (var (subject, split) in splits.OrderBy(pair => pair.Key, StringComparer.Ordinal))
        {
            var scan = Path.Combine(folder, subject, image);
            string[] masks = [.. classes.Select(name => Path.Combine(folder, subject, "segmentations", $"{name}.nii.gz"))];
            if (checks.HasAll(subject, masks.Prepend(scan)))
                cases.Add(ReleaseCase.OfFiles(
                    subject,
                    split == "test" ? CaseSet.Test : CaseSet.Training,
                    [scan],
                    target => MaskMerge.Write(target, scan, masks)));
        }

        string[] Whole(string split) => [.. cases.Select(one => one.Id).Where(id => splits[id] == split)];
        return new()
        {
            Folder = folder,
            Title = title,
            DatasetId = 0,
            Name = title,
            DatasetJson = [],
            Cases = cases,
            Problems = checks.Problems,
            OfficialSplit = splits.Values.Contains("val") ? new Split(Whole("train"), Whole("val")) : null,
        };
    }

    private static JsonObject Json(
        string folder, string channel, string[] classes, IReadOnlyList<KeyValuePair<string, string[]>> groups, string reference) => new()
        {
            ["channel_names"] = ReleaseFacts.Channels([channel]),
            ["labels"] = ReleaseFacts.Numbered(classes),
            ["name"] = Path.GetFileName(folder),
            ["reference"] = reference,
            ["overwrite_image_reader_writer"] = "NibabelIOWithReorient",
            ["label_groups"] = new JsonObject(groups.Select(group =>
                KeyValuePair.Create<string, JsonNode?>(group.Key, PythonJson.List(group.Value)))),
        };

    private static string[] ClassesOfFirst(string folder)
    {
        var first = Subjects(folder).FirstOrDefault()
            ?? throw new UserException($"{folder}: holds no subject: folders s0001, s0002, ... are expected");
        var masks = Path.Combine(folder, first, "segmentations");
        string[] names = Directory.Exists(masks)
            ? [.. Directory.EnumerateFiles(masks, "*.nii.gz").Select(file => Path.GetFileName(file)[..^7]).Order(StringComparer.Ordinal)]
            : [];
        return names.Length > 0 ? names : throw new UserException($"{masks}: holds no masks, one .nii.gz a class");
    }

    private static IEnumerable<string> Difference(JsonFields release, string[] classes)
    {
        string[] published = [.. release.Groups().SelectMany(group => group.Value)];
        return published.Except(classes).Concat(classes.Except(published)).Order(StringComparer.Ordinal);
    }

    private static string[] Subjects(string folder) =>
    [
        .. Directory.EnumerateDirectories(folder).Select(path => Path.GetFileName(path))
            .Where(name => SubjectName().IsMatch(name)).Order(StringComparer.Ordinal),
    ];

    [GeneratedRegex(@"^s\d{4,}$")]
    private static partial Regex SubjectName();
}
