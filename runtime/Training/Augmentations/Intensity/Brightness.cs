using MedSegDsl.Runtime.Training.Loading;
using static TorchSharp.torch;

namespace MedSegDsl.Runtime.Training.Augmentations.Intensity;

/// <summary>All values times a factor (batchgeneratorsv2, MultiplicativeBrightnessTransform).</summary>
public sealed class Brightness(Interval factor) : IntensityTransform
{
    /// <inheritdoc/>
    public override void Apply(Tensor rows, IReadOnlyList<int> samples, BatchRandom random) =>
        Apply(rows, Draw(samples, () => random.Factor(factor)));

    /// <summary>Multiplies channels in place, each with its factor.</summary>
    public static void Apply(Tensor rows, IReadOnlyList<double> factors)
    {
        using var scope = NewDisposeScope();
        rows.mul_(PerRow(factors, rows));
    }
}
