namespace MedSegDsl.Runtime.Evaluation;

/// <summary>The values where an object is empty.</summary>
/// <param name="Overlap">Of Dice, IoU and NSD.</param>
/// <param name="Distance">Of the distances, in mm.</param>
public readonly record struct EmptyValues(double Overlap, double Distance);

/// <summary>
/// A named choice of how a class that is empty in the prediction or the reference counts, of the metrics that a report
/// shows, and of how classes are grouped. NaN: the case does not enter the class's mean.
/// </summary>
/// <param name="Name">What the user writes.</param>
/// <param name="Description">One line for the help and the report.</param>
/// <param name="Shown">The metrics of tables; files hold all.</param>
/// <param name="BothEmpty">Neither prediction nor reference has the class.</param>
/// <param name="ReferenceEmpty">The prediction alone has it.</param>
/// <param name="PredictionEmpty">The reference alone has it.</param>
/// <param name="ToleranceMm">The tolerance of NSD where none is given.</param>
public sealed record MetricRules(
    string Name,
    string Description,
    IReadOnlyList<Metric> Shown,
    EmptyValues BothEmpty,
    EmptyValues ReferenceEmpty,
    EmptyValues PredictionEmpty,
    double ToleranceMm)
{
    private static readonly EmptyValues Undefined = new(double.NaN, double.NaN);
    private static readonly EmptyValues Missed = new(0, double.PositiveInfinity);

    /// <summary>This project's: undefined where both are empty, the worst value where one is.</summary>
    public static MetricRules Standard { get; } = new(
        "standard", "a class is undefined where both are empty, worst where one is",
        [Metric.Dice, Metric.IoU, Metric.Hausdorff95, Metric.AverageSurfaceDistance, Metric.SurfaceDice], Undefined, Missed, Missed, 2);

    /// <summary>AMOS 2022 ranks by Dice and NSD. Its pages state no tolerance; the report does.</summary>
    public static MetricRules Amos { get; } = Standard with
    {
        Name = "amos",
        Description = "AMOS 2022: Dice and NSD (the challenge states no tolerance)",
        Shown = [Metric.Dice, Metric.SurfaceDice],
    };

    /// <summary>
    /// BraTS up to 2021, case by case: Dice 1 and HD95 0 where both are empty; where one is, Dice 0 and HD95 the diagonal of
    /// the 240 × 240 × 155 mm volume.
    /// </summary>
    public static MetricRules Brats { get; } = new(
        "brats", "BraTS up to 2021: Dice and HD95 of the regions; both empty 1 and 0, one empty 0 and 373.13 mm",
        [Metric.Dice, Metric.Hausdorff95], new(1, 0), WorstOfBrats, WorstOfBrats, 2);

    /// <summary>
    /// TotalSegmentator (resources/evaluate.py): Dice and NSD at 3 mm; a case without the class in the reference does not
    /// count for it, even where the prediction has it. Its NSD weighs surface elements by area, this one counts voxels.
    /// </summary>
    public static MetricRules TotalSegmentator { get; } = Standard with
    {
        Name = "totalsegmentator",
        Description = "TotalSegmentator: Dice and NSD at 3 mm, by groups; cases without the class do not count for it",
        Shown = [Metric.Dice, Metric.SurfaceDice],
        ReferenceEmpty = Undefined,
        ToleranceMm = 3,
    };

    /// <summary>Every choice.</summary>
    public static IReadOnlyList<MetricRules> All { get; } = [Standard, Amos, Brats, TotalSegmentator];

    private static EmptyValues WorstOfBrats => new(0, Math.Sqrt(240 * 240 + 240 * 240 + 155 * 155));

    /// <summary>The choice of a name.</summary>
    /// <exception cref="UserException">There is none.</exception>
    public static MetricRules ByName(string name) => All.FirstOrDefault(rules => rules.Name == name)
        ?? throw new UserException($"{name}: no such rules of evaluation; there are {string.Join(", ", All.Select(rules => rules.Name))}");

    /// <summary>The groups that these rules report beside the classes.</summary>
    public IReadOnlyList<ClassGroup> Groups(IReadOnlyList<string> classes) =>
        Name == TotalSegmentator.Name ? TotalSegmentatorGroups.Of(classes) : [];

    /// <summary>The value of a metric as these rules count it.</summary>
    /// <param name="metric">The metric.</param>
    /// <param name="counts">The class's voxels.</param>
    /// <param name="measured">The value where both objects have voxels, or a share's own.</param>
    public double Value(Metric metric, ConfusionCounts counts, double measured)
    {
        if (metric.Kind is MetricKind.Share or MetricKind.Difference)
            return measured;
        EmptyValues? empty = (counts.Predicted, counts.Reference) switch
        {
            (0, 0) => BothEmpty,
            (_, 0) => ReferenceEmpty,
            (0, _) => PredictionEmpty,
            _ => null,
        };
        return empty is not { } values ? measured : metric.Kind == MetricKind.Distance ? values.Distance : values.Overlap;
    }
}
