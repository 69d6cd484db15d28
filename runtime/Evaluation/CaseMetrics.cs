using MedSegDsl.Runtime.Imaging;

namespace MedSegDsl.Runtime.Evaluation;

/// <summary>How well one class of one case was segmented.</summary>
/// <param name="Class">Its name in dataset.json.</param>
/// <param name="ReferenceMl">Its volume in the reference.</param>
/// <param name="PredictionMl">Its volume in the prediction.</param>
/// <param name="Values">A value for each metric; NaN where there is none.</param>
public sealed record ClassMetrics(
    string Class, double ReferenceMl, double PredictionMl, IReadOnlyDictionary<Metric, double> Values);

/// <summary>All metrics of one case.</summary>
/// <param name="Case">The case's identifier: the file's name without its ending.</param>
/// <param name="Spacing">Of the reference along z, y, x, in mm.</param>
/// <param name="Classes">A row for each class, in the order of the dataset.</param>
public sealed record CaseMetrics(string Case, IReadOnlyList<double> Spacing, IReadOnlyList<ClassMetrics> Classes)
{
    /// <summary>Measures a case. Classes come one after the other, each in threads, within the box that it fills.</summary>
    /// <param name="id">The case's identifier.</param>
    /// <param name="reference">The reference labels.</param>
    /// <param name="prediction">The predicted labels, of the same shape.</param>
    /// <param name="spacing">Along z, y, x, in mm.</param>
    /// <param name="counts">The voxels of each class.</param>
    /// <param name="request">Which rules and tolerances.</param>
    /// <param name="ignoreLabel">Voxels with this label in the reference belong to no object.</param>
    public static CaseMetrics Measure(
        string id,
        ImageArray<short> reference,
        ImageArray<short> prediction,
        IReadOnlyList<double> spacing,
        IReadOnlyDictionary<LabelOrRegion, ConfusionCounts> counts,
        MetricRequest request,
        int? ignoreLabel)
    {
        var boxes = new LabelBoxes(reference, prediction);
        var voxelMl = spacing.Aggregate(1.0, (volume, mm) => volume * mm) / 1000;
        return new CaseMetrics(id, [.. spacing], [.. counts.Select(pair => OfClass(pair.Key, pair.Value))]);

        ClassMetrics OfClass(LabelOrRegion target, ConfusionCounts voxels)
        {
            var surfaces = voxels.Predicted > 0 && voxels.Reference > 0 && boxes.Around(target.Labels) is { } box
                ? SurfaceDistances.Measure(
                    BinaryMask.Of(prediction, target.Labels, box, ignoreLabel is { } ignored ? (reference, ignored) : null),
                    BinaryMask.Of(reference, target.Labels, box),
                    spacing)
                : null;
            var tolerance = request.Tolerances.Of(target.Name);
            double Measured(Metric metric) => metric switch
            {
                _ when metric == Metric.Dice => voxels.Dice,
                _ when metric == Metric.IoU => voxels.IoU,
                _ when metric == Metric.Sensitivity => (double)voxels.TruePositives / voxels.Reference,
                _ when metric == Metric.Precision => (double)voxels.TruePositives / voxels.Predicted,
                _ when metric == Metric.VolumeDifference => (voxels.Predicted - voxels.Reference) * voxelMl,
                _ when metric == Metric.Hausdorff => surfaces?.Hausdorff ?? double.NaN,
                _ when metric == Metric.Hausdorff95 => surfaces?.Hausdorff95 ?? double.NaN,
                _ when metric == Metric.AverageSurfaceDistance => surfaces?.AverageSymmetric ?? double.NaN,
                _ => surfaces?.SurfaceDice(tolerance) ?? double.NaN,
            };
            return new ClassMetrics(
                target.Name,
                voxels.Reference * voxelMl,
                voxels.Predicted * voxelMl,
                Metric.All.ToDictionary(metric => metric, metric => request.Rules.Value(metric, voxels, Measured(metric))));
        }
    }
}

/// <summary>What is measured beside nnU-Net's counts.</summary>
/// <param name="Rules">How empty classes count.</param>
/// <param name="Tolerances">Of the normalised surface Dice.</param>
public sealed record MetricRequest(MetricRules Rules, SurfaceTolerances Tolerances);
