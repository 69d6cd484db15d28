using MedSegDsl.Runtime.Training.Loading;

namespace MedSegDsl.Runtime.Training.Augmentations;

/// <summary>Numbers from the DSL's intervals.</summary>
internal static class IntervalDraws
{
    /// <summary>Uniform over the interval.</summary>
    public static double Uniform(this BatchRandom random, Interval interval) => random.Uniform(interval.Low, interval.High);

    /// <summary>A factor or exponent: where the interval holds 1, below and above 1 equally often (batchgeneratorsv2,
    /// BGContrast).</summary>
    public static double Factor(this BatchRandom random, Interval interval)
    {
        if (interval.Low >= 1 || interval.High <= 1)
            return random.Uniform(interval);
        return random.Coin() ? random.Uniform(interval.Low, 1) : random.Uniform(1, interval.High);
    }
}
