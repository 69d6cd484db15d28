using MathNet.Numerics.Distributions;
using MathNet.Numerics.Integration;
using MathNet.Numerics.RootFinding;

namespace MedSegDsl.Runtime.Statistics;

/// <summary>The range of k standard normal numbers: the studentized range with infinite degrees of freedom.</summary>
public static class StudentizedRange
{
    /// <summary>The probability that the largest of k numbers is at most q above the smallest.</summary>
    public static double Probability(int k, double q) =>
        k * GaussLegendreRule.Integrate(
            smallest => Normal.PDF(0, 1, smallest)
                * Math.Pow(Normal.CDF(0, 1, smallest + q) - Normal.CDF(0, 1, smallest), k - 1),
            -9, 9, 128);

    /// <summary>The range that is not exceeded with a given probability.</summary>
    public static double Quantile(int k, double probability) =>
        Brent.FindRoot(q => Probability(k, q) - probability, 1e-6, 50, 1e-10);
}
