namespace MedSegDsl.Runtime.Training;

/// <summary>nnU-Net's moving average of the pseudo Dice, which decides what the best checkpoint is: the first value,
/// then 0.9 · average + 0.1 · value.</summary>
public static class ExponentialAverage
{
    /// <summary>The average after one more value.</summary>
    /// <param name="average">The average so far; null before the first value.</param>
    /// <param name="value">The epoch's mean pseudo Dice.</param>
    public static double Next(double? average, double value) =>
        average is { } before ? 0.9 * before + 0.1 * value : value;
}
