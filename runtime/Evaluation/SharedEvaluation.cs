using System.Globalization;
using MedSegDsl.Runtime.Distributed;

namespace MedSegDsl.Runtime.Evaluation;

/// <summary>Evaluations of cases that several processes have shared.</summary>
public static class SharedEvaluation
{
    private const char Separator = '\t';

    /// <summary>Gives every process the evaluations of all.</summary>
    /// <param name="own">This process's.</param>
    /// <param name="targets">The labels or regions, the same on all.</param>
    /// <param name="ranks">The processes.</param>
    /// <returns>All evaluations, sorted by file name.</returns>
    public static IReadOnlyList<CaseEvaluation> Gather(
        IEnumerable<CaseEvaluation> own, IReadOnlyList<LabelOrRegion> targets, ICommunicator ranks) =>
        [.. ranks.Gather(string.Join('\n', own.Select(evaluation => Line(evaluation, targets))))
            .SelectMany(lines => lines.Split('\n', StringSplitOptions.RemoveEmptyEntries))
            .Select(line => Evaluation(line, targets))
            .OrderBy(evaluation => Path.GetFileName(evaluation.PredictionFile), StringComparer.Ordinal)];

    private static string Line(CaseEvaluation evaluation, IReadOnlyList<LabelOrRegion> targets)
    {
        var counts = targets.Select(target => evaluation.Metrics[target])
            .SelectMany(c => new[] { c.TruePositives, c.FalsePositives, c.FalseNegatives, c.TrueNegatives });
        return string.Join(
            Separator,
            [evaluation.PredictionFile, evaluation.ReferenceFile, .. counts.Select(n => n.ToString(CultureInfo.InvariantCulture))]);
    }

    private static CaseEvaluation Evaluation(string line, IReadOnlyList<LabelOrRegion> targets)
    {
        var parts = line.Split(Separator);
        long Number(int index) => long.Parse(parts[index], CultureInfo.InvariantCulture);
        ConfusionCounts Counts(int at) => new(Number(at), Number(at + 1), Number(at + 2), Number(at + 3));
        var metrics = targets.Select((target, i) => (target, Counts: Counts(2 + 4 * i))).ToDictionary(m => m.target, m => m.Counts);
        return new CaseEvaluation(parts[0], parts[1], metrics);
    }
}
