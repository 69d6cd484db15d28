using System.Text.Json.Nodes;

namespace MedSegDsl.Runtime.Evaluation;

/// <summary>The eight numbers of nnU-Net's summaries, averaged over cases or over classes.</summary>
/// <param name="Dice">Dice.</param>
/// <param name="IoU">Intersection over union.</param>
/// <param name="TruePositives">Voxels in both.</param>
/// <param name="FalsePositives">Voxels in the prediction alone.</param>
/// <param name="FalseNegatives">Voxels in the reference alone.</param>
/// <param name="TrueNegatives">Voxels in neither.</param>
/// <param name="Predicted">Voxels of the prediction.</param>
/// <param name="Reference">Voxels of the reference.</param>
public sealed record MetricMeans(
    double Dice, double IoU, double TruePositives, double FalsePositives, double FalseNegatives, double TrueNegatives,
    double Predicted, double Reference)
{
    /// <summary>The mean over cases. Cases in which Dice and IoU are NaN, since both maps are empty, do not enter those two.</summary>
    public static MetricMeans OverCases(IReadOnlyCollection<ConfusionCounts> cases) => new(
        MeanOfNumbers(cases.Select(counts => counts.Dice)),
        MeanOfNumbers(cases.Select(counts => counts.IoU)),
        cases.Average(counts => counts.TruePositives),
        cases.Average(counts => counts.FalsePositives),
        cases.Average(counts => counts.FalseNegatives),
        cases.Average(counts => counts.TrueNegatives),
        cases.Average(counts => counts.Predicted),
        cases.Average(counts => counts.Reference));

    /// <summary>The plain mean over classes: a class that is NaN makes it NaN.</summary>
    public static MetricMeans OverClasses(IReadOnlyCollection<MetricMeans> classes) => new(
        classes.Average(means => means.Dice),
        classes.Average(means => means.IoU),
        classes.Average(means => means.TruePositives),
        classes.Average(means => means.FalsePositives),
        classes.Average(means => means.FalseNegatives),
        classes.Average(means => means.TrueNegatives),
        classes.Average(means => means.Predicted),
        classes.Average(means => means.Reference));

    /// <summary>The numbers under nnU-Net's names.</summary>
    public JsonObject ToJson() => new()
    {
        ["Dice"] = Dice,
        ["FN"] = FalseNegatives,
        ["FP"] = FalsePositives,
        ["IoU"] = IoU,
        ["TN"] = TrueNegatives,
        ["TP"] = TruePositives,
        ["n_pred"] = Predicted,
        ["n_ref"] = Reference,
    };

    private static double MeanOfNumbers(IEnumerable<double> values) =>
        values.Where(value => !double.IsNaN(value)).DefaultIfEmpty(double.NaN).Average();
}
