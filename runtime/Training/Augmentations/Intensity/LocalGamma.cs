using MedSegDsl.Runtime.Training.Loading;
using static TorchSharp.torch;

namespace MedSegDsl.Runtime.Training.Augmentations.Intensity;

/// <summary>The channel's range to the power of an exponent, blended in under a wide Gaussian (batchgeneratorsv2,
/// LocalGammaTransform).</summary>
/// <param name="brighter">Exponents below 1, half of the time.</param>
/// <param name="darker">Exponents above 1, the other half.</param>
public sealed class LocalGamma(Interval brighter, Interval darker) : IntensityTransform
{
    /// <inheritdoc/>
    public override void Apply(Tensor rows, IReadOnlyList<int> samples, BatchRandom random)
    {
        using var scope = NewDisposeScope();
        var axes = VoxelAxes(rows);
        var exponents = Draw(samples, () => random.Uniform(random.Coin() ? brighter : darker));
        var low = rows.amin(axes, keepdim: true);
        var range = (rows.amax(axes, keepdim: true) - low).clamp_min_(1e-8);
        var share = (rows - low).div_(range);
        var changed = share.pow(PerRow(exponents, rows));
        rows.copy_(share.lerp(changed, GaussianBump.Draw(rows, random)).mul_(range).add_(low));
    }
}
