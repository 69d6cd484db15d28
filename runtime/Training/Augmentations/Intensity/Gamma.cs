using MedSegDsl.Runtime.Training.Loading;
using static TorchSharp.torch;

namespace MedSegDsl.Runtime.Training.Augmentations.Intensity;

/// <summary>The channel's range to the power of an exponent, its mean and standard deviation put back; of the negative
/// channel where <c>inverted</c> (batchgeneratorsv2, GammaTransform).</summary>
public sealed class Gamma(Interval exponent, bool inverted) : IntensityTransform
{
    private const double Smallest = 1e-7;

    /// <inheritdoc/>
    public override void Apply(Tensor rows, IReadOnlyList<int> samples, BatchRandom random) =>
        Apply(rows, Draw(samples, () => random.Factor(exponent)), inverted);

    /// <summary>Changes channels in place, each with its exponent.</summary>
    /// <param name="rows">The channels.</param>
    /// <param name="exponents">One for each channel.</param>
    /// <param name="inverted">Whether the negative image is changed.</param>
    /// <param name="keepStatistics">Whether mean and standard deviation are put back.</param>
    public static void Apply(Tensor rows, IReadOnlyList<double> exponents, bool inverted, bool keepStatistics = true)
    {
        using var scope = NewDisposeScope();
        var axes = VoxelAxes(rows);
        if (inverted)
            rows.neg_();
        var (mean, deviation) = (rows.mean(axes, keepdim: true), rows.std(axes, unbiased: true, keepdim: true));
        var low = rows.amin(axes, keepdim: true);
        var range = rows.amax(axes, keepdim: true) - low;
        rows.sub_(low).div_(range.clamp_min(Smallest)).pow_(PerRow(exponents, rows)).mul_(range).add_(low);
        if (keepStatistics)
        {
            var changed = rows.std(axes, unbiased: true, keepdim: true).clamp_min_(Smallest);
            rows.sub_(rows.mean(axes, keepdim: true)).mul_(deviation / changed).add_(mean);
        }

        if (inverted)
            rows.neg_();
    }
}
