using MedSegDsl.Runtime.Evaluation;
using MedSegDsl.Runtime.Statistics;

namespace MedSegDsl.Runtime.Comparison;

/// <summary>The validation cases of one training, or one folder of predictions.</summary>
/// <param name="Seed">The training's seed.</param>
/// <param name="Fold">Its fold; empty for a folder of predictions.</param>
/// <param name="Report">All metrics of its cases.</param>
public sealed record ModelRun(int Seed, string Fold, MetricsReport Report);

/// <summary>A model of a comparison: all trainings of one network on one dataset.</summary>
/// <param name="Name">Its name in tables.</param>
/// <param name="Runs">What there is of it.</param>
/// <param name="Cost">What it costs; null where its definition is not there.</param>
/// <param name="Missing">A line for each training or case that is not there.</param>
public sealed record ComparedModel(string Name, IReadOnlyList<ModelRun> Runs, ModelCost? Cost, IReadOnlyList<string> Missing)
{
    /// <summary>The cases that it has predicted.</summary>
    public int Cases => Runs.SelectMany(run => run.Report.Cases).Select(one => one.Case).Distinct().Count();

    /// <summary>
    /// The value of each case: the mean over its classes, then over the seeds. A case without a finite value has none.
    /// </summary>
    /// <param name="metric">The metric.</param>
    /// <param name="without">Objects that do not enter: a case and its class.</param>
    public IReadOnlyDictionary<string, double> CaseValues(
        Metric metric, IReadOnlySet<(string Case, string Class)>? without = null) => Runs
        .SelectMany(run => Means(run, metric, without))
        .Where(one => double.IsFinite(one.Value))
        .GroupBy(one => one.Case, one => one.Value)
        .ToDictionary(values => values.Key, values => values.Average());

    /// <summary>One number for each fold: the mean over its cases, then over the seeds.</summary>
    public Sample OverFolds(Metric metric, IReadOnlySet<(string Case, string Class)>? without = null) => Sample.Of(
        Runs.GroupBy(run => run.Fold).Select(runs => Sample.Of(
            runs.Select(run => Sample.Of(Means(run, metric, without).Select(one => one.Value)).Mean)).Mean));

    /// <summary>One number for each seed: the mean over the cases of all its folds.</summary>
    public Sample OverSeeds(Metric metric, IReadOnlySet<(string Case, string Class)>? without = null) => Sample.Of(
        Runs.GroupBy(run => run.Seed).Select(runs => Sample.Of(
            runs.SelectMany(run => Means(run, metric, without)).Select(one => one.Value)).Mean));

    /// <summary>The objects whose value is infinite with some seed, because they were missed or invented.</summary>
    public IReadOnlySet<(string Case, string Class)> Infinite(Metric metric) => (
        from run in Runs
        from one in run.Report.Cases
        from row in one.Classes
        where double.IsInfinity(row.Values[metric])
        select (one.Case, row.Class)).ToHashSet();

    private static IEnumerable<(string Case, double Value)> Means(
        ModelRun run, Metric metric, IReadOnlySet<(string Case, string Class)>? without) => run.Report.Cases.Select(one => (
            one.Case,
            Sample.Of(one.Classes
                .Where(row => without?.Contains((one.Case, row.Class)) != true)
                .Select(row => row.Values[metric])).Mean));
}
