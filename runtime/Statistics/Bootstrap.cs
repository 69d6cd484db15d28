using MathNet.Numerics.Random;
using MathNet.Numerics.Statistics;

namespace MedSegDsl.Runtime.Statistics;

/// <summary>Percentile bootstrap confidence intervals of a mean (Efron 1979): cases are drawn again with replacement.</summary>
public static class Bootstrap
{
    /// <summary>How often a sample is drawn.</summary>
    public const int Draws = 10_000;

    /// <summary>The interval that holds the mean of drawn cases with a given probability.</summary>
    /// <param name="values">One value a case; those that are not finite do not enter.</param>
    /// <param name="confidence">For example 0.95.</param>
    /// <param name="seed">The same seed gives the same interval.</param>
    /// <returns>The bounds; NaN where there is no value.</returns>
    public static (double Lower, double Upper) OfMean(IEnumerable<double> values, double confidence = 0.95, int seed = 1)
    {
        double[] numbers = [.. values.Where(double.IsFinite)];
        if (numbers.Length == 0)
            return (double.NaN, double.NaN);
        var random = new MersenneTwister(seed);
        var means = new double[Draws];
        for (var draw = 0; draw < Draws; draw++)
        {
            var sum = 0.0;
            for (var i = 0; i < numbers.Length; i++)
            {
                sum += numbers[random.Next(numbers.Length)];
            }

            means[draw] = sum / numbers.Length;
        }

        var outside = (1 - confidence) / 2;
        return (means.QuantileCustom(outside, QuantileDefinition.R7), means.QuantileCustom(1 - outside, QuantileDefinition.R7));
    }
}
