namespace MedSegDsl.Runtime.Dataset;

/// <summary>What follows from the labels of a dataset: classes or regions, the ignore label, the number of
/// network outputs
/// (nnunetv2/utilities/label_handling of MIC-DKFZ/nnUNet).</summary>
public sealed class LabelManager
{
    /// <summary>The rules for these labels, which must have no <see cref="Problems"/>.</summary>
    /// <param name="labels">The entries in file order.</param>
    /// <param name="regionsClassOrder">Needed where an entry is a region.</param>
    /// <exception cref="UserException">The labels break a rule.</exception>
    public LabelManager(IReadOnlyList<LabelEntry> labels, int[]? regionsClassOrder)
    {
        var problems = Problems(labels, regionsClassOrder);
        if (problems.Count > 0)
            throw new UserException(string.Join("; ", problems));
        Labels = labels;
        AllLabels = LabelValues(labels);
        ForegroundLabels = [.. AllLabels.Where(label => label != 0)];
        IgnoreLabel = labels.FirstOrDefault(entry => entry.IsIgnore)?.Values[0];
        HasRegions = AnyRegion(labels);
        ForegroundRegions = HasRegions ? [.. Regions(labels).Select(entry => entry.Values)] : [];
        RegionsClassOrder = HasRegions ? regionsClassOrder : null;
    }

    /// <summary>The entries of dataset.json in file order; their number, ignore included, enters the memory
    /// estimate.</summary>
    public IReadOnlyList<LabelEntry> Labels { get; }

    /// <summary>The distinct label values in ascending order: 0 included, the ignore label not.</summary>
    public int[] AllLabels { get; }

    /// <summary><see cref="AllLabels"/> without 0.</summary>
    public int[] ForegroundLabels { get; }

    /// <summary>True where at least one entry is a list of more than one label: outputs are regions, with a
    /// sigmoid each.</summary>
    public bool HasRegions { get; }

    /// <summary>The label values of each region in file order; empty without regions.</summary>
    public int[][] ForegroundRegions { get; }

    /// <summary>The label value written for each region; null without regions.</summary>
    public int[]? RegionsClassOrder { get; }

    /// <summary>The value of voxels without annotation: the highest label + 1, or null.</summary>
    public int? IgnoreLabel { get; }

    /// <summary>Number of channels that a network gives: the regions, else all labels with
    /// background.</summary>
    public int Outputs => HasRegions ? ForegroundRegions.Length : AllLabels.Length;

    /// <summary>Everything that is wrong with the labels, one line each.</summary>
    public static IReadOnlyList<string> Problems(IReadOnlyList<LabelEntry> labels, int[]? regionsClassOrder)
    {
        List<string> problems = [];
        var all = LabelValues(labels);
        if (labels.FirstOrDefault(entry => entry.Name == "background") is not { IsBackground: true })
            problems.Add("\"labels\" should contain \"background\" with value 0");
        var gap = Enumerable.Range(0, all.Length).FirstOrDefault(i => all[i] != i, -1);
        if (gap > 0)
            problems.Add($"\"labels\" should be consecutive, but {gap} is missing below {all[gap]}");
        if (labels.FirstOrDefault(entry => entry.IsIgnore) is { } ignore)
        {
            if (ignore.IsList)
                problems.Add("\"ignore\" should be one label value, not a list");
            else if (all.Length > 0 && ignore.Values[0] != all[^1] + 1)
                problems.Add($"\"ignore\" should be the highest other label + 1 = {all[^1] + 1}, not {ignore.Values[0]}");
        }

        if (!AnyRegion(labels))
            return problems;
        var regions = Regions(labels).Count();
        if (regionsClassOrder is null)
            problems.Add("\"regions_class_order\" is missing: with regions it gives the label value written for each");
        else if (regionsClassOrder.Length != regions)
            problems.Add($"\"regions_class_order\" should have one value for each of the {regions} regions, not {regionsClassOrder.Length}");
        return problems;
    }

    private static bool AnyRegion(IReadOnlyList<LabelEntry> labels) => labels.Any(entry => entry.IsList && entry.Values.Length > 1);

    private static IEnumerable<LabelEntry> Regions(IReadOnlyList<LabelEntry> labels) =>
        labels.Where(entry => !entry.IsIgnore && !entry.IsBackground);

    private static int[] LabelValues(IReadOnlyList<LabelEntry> labels) =>
        [.. labels.Where(entry => !entry.IsIgnore).SelectMany(entry => entry.Values).Distinct().Order()];
}
