namespace MedSegDsl.Runtime.Evaluation;

/// <summary>What a metric does where an object is empty, and which way it improves.</summary>
public enum MetricKind
{
    /// <summary>From 0 to 1, the same with prediction and reference exchanged: 1 is best.</summary>
    Overlap,

    /// <summary>A share of one of the two objects, not a number where that one is empty: 1 is best.</summary>
    Share,

    /// <summary>In mm: 0 is best.</summary>
    Distance,

    /// <summary>With a sign: nearest to 0 is best.</summary>
    Difference,
}

/// <summary>A number that says how well one class of one case was segmented.</summary>
/// <param name="Name">Its name in files and tables; the unit follows in brackets.</param>
/// <param name="Kind">How it behaves.</param>
/// <param name="Digits">Decimals in tables.</param>
public sealed record Metric(string Name, MetricKind Kind, int Digits)
{
    /// <summary>2 TP / (2 TP + FP + FN).</summary>
    public static Metric Dice { get; } = new("Dice", MetricKind.Overlap, 3);

    /// <summary>TP / (TP + FP + FN).</summary>
    public static Metric IoU { get; } = new("IoU", MetricKind.Overlap, 3);

    /// <summary>The share of the reference that was found: TP / (TP + FN).</summary>
    public static Metric Sensitivity { get; } = new("Sensitivity", MetricKind.Share, 3);

    /// <summary>The share of the prediction that is right: TP / (TP + FP).</summary>
    public static Metric Precision { get; } = new("Precision", MetricKind.Share, 3);

    /// <summary>Predicted volume less the reference's, in ml.</summary>
    public static Metric VolumeDifference { get; } = new("Volume difference (ml)", MetricKind.Difference, 2);

    /// <summary>The largest distance of the surfaces, in mm.</summary>
    public static Metric Hausdorff { get; } = new("Hausdorff (mm)", MetricKind.Distance, 2);

    /// <summary>The larger of the two directed 95th percentiles of the surfaces' distances, in mm.</summary>
    public static Metric Hausdorff95 { get; } = new("HD95 (mm)", MetricKind.Distance, 2);

    /// <summary>The mean distance of the surfaces over both directions, in mm.</summary>
    public static Metric AverageSurfaceDistance { get; } = new("ASSD (mm)", MetricKind.Distance, 2);

    /// <summary>Normalised surface Dice: the share of both surfaces' voxels within a tolerance of the other surface.</summary>
    public static Metric SurfaceDice { get; } = new("NSD", MetricKind.Overlap, 3);

    /// <summary>All metrics in the order of files.</summary>
    public static IReadOnlyList<Metric> All { get; } =
    [
        Dice, IoU, Sensitivity, Precision, VolumeDifference, Hausdorff, Hausdorff95, AverageSurfaceDistance, SurfaceDice,
    ];

    /// <summary>Whether a larger value is a better one; a difference counts by its size.</summary>
    public bool HigherIsBetter => Kind is MetricKind.Overlap or MetricKind.Share;

    /// <inheritdoc />
    public override string ToString() => Name;
}
