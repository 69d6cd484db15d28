using MathNet.Numerics.Distributions;

namespace MedSegDsl.Runtime.Statistics;

/// <summary>
/// The Wilcoxon signed-rank test of two methods on the same cases (Wilcoxon 1945): whether the differences lie symmetrically
/// about zero. Two-sided.
/// </summary>
/// <param name="Pairs">Pairs that differ; equal pairs do not enter.</param>
/// <param name="PositiveRanks">W+, the sum of the ranks of positive differences.</param>
/// <param name="NegativeRanks">W−, the sum of the ranks of negative differences.</param>
/// <param name="PValue">The two-sided p-value; 1 where no pair differs.</param>
/// <param name="IsExact">Whether the p-value counts sign patterns; else it comes from the normal approximation.</param>
public sealed record WilcoxonSignedRank(int Pairs, double PositiveRanks, double NegativeRanks, double PValue, bool IsExact)
{
    /// <summary>Up to so many pairs without ties the distribution is counted out.</summary>
    public const int MostExactPairs = 50;

    /// <summary>
    /// Compares paired values. Exact for up to <see cref="MostExactPairs"/> pairs without equal differences; else normal, with
    /// the variance corrected for ties and no continuity correction.
    /// </summary>
    /// <param name="first">Values of one method, a case each.</param>
    /// <param name="second">Values of the other, of the same cases. A pair with a value that is not finite does not enter.</param>
    /// <exception cref="ArgumentException">The lists differ in length.</exception>
    public static WilcoxonSignedRank Compare(IReadOnlyList<double> first, IReadOnlyList<double> second)
    {
        if (first.Count != second.Count)
            throw new ArgumentException($"{first.Count} values cannot be paired with {second.Count}", nameof(second));
        double[] differences = [.. first.Zip(second, (a, b) => a - b).Where(d => double.IsFinite(d) && d != 0)];
        double[] sizes = [.. differences.Select(Math.Abs)];
        var ranks = Ranking.Ascending(sizes);
        var positive = ranks.Where((_, i) => differences[i] > 0).Sum();
        var negative = ranks.Sum() - positive;
        var exact = sizes.Length <= MostExactPairs && Ranking.TieSizes(sizes).All(size => size == 1);
        var smaller = Math.Min(positive, negative);
        var p = sizes.Length == 0 ? 1 : exact ? Exact(sizes.Length, (int)smaller) : Approximate(sizes, smaller);
        return new WilcoxonSignedRank(sizes.Length, positive, negative, p, exact);
    }

    // The share of the 2^n sign patterns whose positive ranks sum to at most the statistic, on both sides.
    private static double Exact(int pairs, int statistic)
    {
        var patterns = new double[pairs * (pairs + 1) / 2 + 1];
        patterns[0] = 1;
        for (var rank = 1; rank <= pairs; rank++)
        {
            for (var sum = patterns.Length - 1; sum >= rank; sum--)
            {
                patterns[sum] += patterns[sum - rank];
            }
        }

        return Math.Min(1, 2 * patterns.Take(statistic + 1).Sum() / Math.Pow(2, pairs));
    }

    private static double Approximate(double[] sizes, double statistic)
    {
        double n = sizes.Length;
        var ties = Ranking.TieSizes(sizes).Sum(size => Math.Pow(size, 3) - size);
        var variance = n * (n + 1) * (2 * n + 1) / 24 - ties / 48;
        return Math.Min(1, 2 * Normal.CDF(0, 1, (statistic - n * (n + 1) / 4) / Math.Sqrt(variance)));
    }
}
