using MathNet.Numerics.Distributions;

namespace MedSegDsl.Runtime.Statistics;

/// <summary>
/// Methods ranked on every case, as challenge reports do it: mean ranks, the Friedman test of whether they differ at all, and
/// Nemenyi's critical difference of two mean ranks (Demšar, "Statistical Comparisons of Classifiers over Multiple Data Sets",
/// JMLR 2006).
/// </summary>
/// <param name="MeanRanks">The mean rank of each method, 1 the best.</param>
/// <param name="Cases">The cases that every method has a value for; others do not enter.</param>
/// <param name="ChiSquare">Friedman's statistic, corrected for ties, with k − 1 degrees of freedom.</param>
/// <param name="PValue">Of that statistic; NaN where there are fewer than two methods or cases.</param>
public sealed record RankTable(IReadOnlyList<double> MeanRanks, int Cases, double ChiSquare, double PValue)
{
    /// <summary>Ranks methods on cases.</summary>
    /// <param name="values">For each method its value on each case, in the same order of cases.</param>
    /// <param name="higherIsBetter">True for Dice, false for distances.</param>
    public static RankTable Of(IReadOnlyList<IReadOnlyList<double>> values, bool higherIsBetter)
    {
        var sign = higherIsBetter ? -1 : 1;
        double[][] cases = [.. Enumerable.Range(0, values.Count == 0 ? 0 : values.Min(method => method.Count))
            .Select(i => values.Select(method => sign * method[i]).ToArray())
            .Where(row => row.All(value => !double.IsNaN(value)))];
        double[][] ranks = [.. cases.Select(row => Ranking.Ascending(row))];
        double[] means = [.. values.Select((_, method) => ranks.Length == 0 ? double.NaN : ranks.Average(row => row[method]))];
        double k = values.Count, n = cases.Length;
        var ties = cases.Sum(row => Ranking.TieSizes(row).Sum(size => Math.Pow(size, 3) - size));
        var untied = 12 * n / (k * (k + 1)) * means.Sum(rank => rank * rank) - 3 * n * (k + 1);
        var chiSquare = untied / (1 - ties / (n * (k * k * k - k)));
        var p = k < 2 || n < 2 || double.IsNaN(chiSquare) ? double.NaN : 1 - ChiSquared.CDF(k - 1, chiSquare);
        return new RankTable(means, cases.Length, chiSquare, p);
    }

    /// <summary>Two methods differ where their mean ranks do by at least this (Nemenyi).</summary>
    /// <param name="significance">For example 0.05.</param>
    public double CriticalDifference(double significance = 0.05)
    {
        double k = MeanRanks.Count;
        return StudentizedRange.Quantile(MeanRanks.Count, 1 - significance) / Math.Sqrt(2) * Math.Sqrt(k * (k + 1) / (6 * Cases));
    }
}
