using System.Text.RegularExpressions;
using MedSegDsl.Runtime.Files;
using MedSegDsl.Runtime.Nifti;

namespace MedSegDsl.Runtime.Conversion;

/// <summary>BraTS 2021 (synapse syn25829067): four MRI sequences and nested tumour regions. nnU-Net's
/// Dataset137 converter changes the label 4 to 3 and swaps 1 and 2, so that each region lies in the one before
/// it and later ones are written over earlier ones.</summary>
public static partial class BraTS2021
{
    /// <summary>Looks at the training data.</summary>
    /// <param name="folder">The folder of BraTS2021_NNNNN folders.</param>
    /// <exception cref="UserException">The folder is missing.</exception>
    public static Release Find(string folder)
    {
        const string title = "BraTS 2021";
        folder = ReleaseChecks.Existing(folder, title);
        var facts = ReleaseFacts.Of("brats");
        var channels = facts.Object("channels");
        ReleaseChecks checks = new(folder);
        List<ReleaseCase> cases = [];
        string[] ids =
        [
            .. Directory.EnumerateDirectories(folder).Select(path => Path.GetFileName(path))
                .Where(name => CaseName().IsMatch(name)).Order(StringComparer.Ordinal),
        ];
        checks.Count("folders BraTS2021_NNNNN", ids.Length, facts.Whole("cases"));
        foreach (var id in ids)
        {
            string File(string what) => Path.Combine(folder, id, $"{id}_{what}.nii.gz");
            string[] images = [.. channels.Json.Select(channel => File(channels.Text(channel.Key)))];
            if (checks.HasAll(id, [.. images, File("seg")]))
                cases.Add(ReleaseCase.OfFiles(id, CaseSet.Training, images, target => Remap(File("seg"), target, ToNnUNet(facts))));
        }

        return new()
        {
            Folder = folder,
            Title = title,
            DatasetId = 137,
            Name = "BraTS2021",
            Cases = cases,
            Problems = checks.Problems,
            DatasetJson = new()
            {
                ["channel_names"] = ReleaseFacts.Channels(channels.Json.Select(channel => channel.Key)),
                ["labels"] = facts.Node("labels").DeepClone(),
                ["regions_class_order"] = facts.Node("regions_class_order").DeepClone(),
                ["name"] = "BraTS2021",
                ["reference"] = "https://www.synapse.org/#!Synapse:syn25829067/wiki/610863",
            },
        };
    }

    /// <summary>Writes predictions with the labels of BraTS, for a submission.</summary>
    /// <param name="predictions">A folder of label maps as nnU-Net writes them.</param>
    /// <param name="target">The folder for the new label maps, of the same names.</param>
    /// <returns>The number of label maps.</returns>
    /// <exception cref="UserException">There are none, one cannot be read, or one holds another
    /// label.</exception>
    public static int ToSubmission(string predictions, string target)
    {
        string[] files = Directory.Exists(predictions)
            ? [.. Directory.EnumerateFiles(predictions, "*.nii.gz").Order(StringComparer.Ordinal)]
            : [];
        if (files.Length == 0)
            throw new UserException($"{predictions}: holds no predictions (.nii.gz)");
        var back = ToNnUNet(ReleaseFacts.Of("brats")).ToDictionary(pair => pair.Value, pair => pair.Key);
        foreach (var file in files)
            Remap(file, Path.Combine(target, Path.GetFileName(file)), back);
        return files.Length;
    }

    private static Dictionary<short, short> ToNnUNet(JsonFields facts)
    {
        var map = facts.Object("to_nnunet");
        return map.Json.ToDictionary(pair => short.Parse(pair.Key), pair => (short)map.Whole(pair.Key));
    }

    private static void Remap(string source, string target, Dictionary<short, short> map)
    {
        var (labels, header, _) = NiftiFile.ReadLabels(source);
        foreach (ref var label in labels.Data.AsSpan())
            label = map.TryGetValue(label, out var mapped)
                ? mapped
                : throw new UserException($"{source}: holds the label {label}; {string.Join(", ", map.Keys.Order())} are expected");
        NiftiFile.WriteLabels(target, labels, header);
    }

    [GeneratedRegex(@"^BraTS2021_\d{5}$")]
    private static partial Regex CaseName();
}
