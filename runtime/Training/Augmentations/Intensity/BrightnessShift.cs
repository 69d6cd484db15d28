using MedSegDsl.Runtime.Training.Loading;
using static TorchSharp.torch;

namespace MedSegDsl.Runtime.Training.Augmentations.Intensity;

/// <summary>A normal random number is added to all values (batchgeneratorsv2, BrightnessAdditiveTransform).</summary>
public sealed class BrightnessShift(double deviation) : IntensityTransform
{
    /// <inheritdoc/>
    public override void Apply(Tensor rows, IReadOnlyList<int> samples, BatchRandom random)
    {
        using var scope = NewDisposeScope();
        rows.add_(PerRow(Draw(samples, () => deviation * random.Normal()), rows));
    }
}
