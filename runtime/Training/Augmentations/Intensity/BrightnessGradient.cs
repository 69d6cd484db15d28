using MedSegDsl.Runtime.Training.Loading;
using static TorchSharp.torch;

namespace MedSegDsl.Runtime.Training.Augmentations.Intensity;

/// <summary>A wide Gaussian is added, up or down (batchgeneratorsv2, BrightnessGradientAdditiveTransform).</summary>
public sealed class BrightnessGradient(Interval strength) : IntensityTransform
{
    /// <inheritdoc/>
    public override void Apply(Tensor rows, IReadOnlyList<int> samples, BatchRandom random)
    {
        using var scope = NewDisposeScope();
        var strengths = Draw(samples, () => (random.Coin() ? -1 : 1) * random.Uniform(strength));
        rows.addcmul_(GaussianBump.Draw(rows, random), PerRow(strengths, rows), value: 1);
    }
}
