using MedSegDsl.Runtime.Dataset;

namespace MedSegDsl.Runtime.Evaluation;

/// <summary>What a dataset is evaluated on, and which labels its maps may hold.</summary>
public sealed class EvaluationTargets
{
    private readonly HashSet<int> known;

    /// <summary>The foreground regions where the dataset has regions, else its foreground labels.</summary>
    public EvaluationTargets(LabelManager labels)
    {
        var entries = labels.Labels.Where(entry => !entry.IsIgnore && !entry.IsBackground);
        Targets = labels.HasRegions
            ? [.. entries.Select(entry => entry.IsList
                ? LabelOrRegion.Region(entry.Values, entry.Name)
                : LabelOrRegion.Label(entry.Values[0], entry.Name))]
            : [.. labels.ForegroundLabels.Select(label =>
                LabelOrRegion.Label(label, entries.First(entry => entry.Values.Contains(label)).Name))];
        IgnoreLabel = labels.IgnoreLabel;
        ForegroundLabels = labels.ForegroundLabels;
        known = [.. labels.AllLabels];
    }

    /// <summary>The labels or regions, in nnU-Net's order.</summary>
    public IReadOnlyList<LabelOrRegion> Targets { get; }

    /// <summary>All labels but the background and the ignore label, ascending.</summary>
    public IReadOnlyList<int> ForegroundLabels { get; }

    /// <summary>The label of voxels without annotation, if the dataset has one.</summary>
    public int? IgnoreLabel { get; }

    /// <summary>Evaluates one label map.</summary>
    /// <returns>The counts for each target.</returns>
    /// <exception cref="UserException">The shapes differ, or a map holds a label that the dataset does not have.</exception>
    public IReadOnlyDictionary<LabelOrRegion, ConfusionCounts> Evaluate(JointHistogram histogram)
    {
        Check("reference", histogram.ReferenceLabels, IgnoreLabel);
        Check("prediction", histogram.PredictedLabels, null);
        return Targets.ToDictionary(target => target, target => histogram.Counts(target, IgnoreLabel));
    }

    private void Check(string map, IEnumerable<int> labels, int? ignoreLabel)
    {
        var unknown = labels.Where(label => !known.Contains(label) && label != ignoreLabel).ToArray();
        if (unknown.Length > 0)
        {
            throw new UserException($"the {map} holds label {string.Join(", ", unknown)}, which dataset.json does not name "
                + $"(it has 0 to {known.Max()})");
        }
    }
}
