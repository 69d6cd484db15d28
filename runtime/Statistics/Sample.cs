using MathNet.Numerics.Statistics;

namespace MedSegDsl.Runtime.Statistics;

/// <summary>Mean ± standard deviation of a sample, as papers print it.</summary>
/// <param name="Count">How many values are numbers; NaN and missing values do not enter.</param>
/// <param name="Mean">The arithmetic mean; NaN of no values.</param>
/// <param name="Deviation">The sample standard deviation (n − 1); NaN of fewer than two values.</param>
public sealed record Sample(int Count, double Mean, double Deviation)
{
    /// <summary>Summarises the values that are numbers.</summary>
    public static Sample Of(IEnumerable<double> values)
    {
        double[] numbers = [.. values.Where(double.IsFinite)];
        return new Sample(numbers.Length, numbers.Mean(), numbers.StandardDeviation());
    }
}
