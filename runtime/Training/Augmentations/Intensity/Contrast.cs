using MedSegDsl.Runtime.Training.Loading;
using static TorchSharp.torch;

namespace MedSegDsl.Runtime.Training.Augmentations.Intensity;

/// <summary>The distance from the channel's mean times a factor, cut to the former range on request (batchgeneratorsv2,
/// ContrastTransform).</summary>
public sealed class Contrast(Interval factor, bool keepRange) : IntensityTransform
{
    /// <inheritdoc/>
    public override void Apply(Tensor rows, IReadOnlyList<int> samples, BatchRandom random) =>
        Apply(rows, Draw(samples, () => random.Factor(factor)), keepRange);

    /// <summary>Changes channels in place, each with its factor.</summary>
    public static void Apply(Tensor rows, IReadOnlyList<double> factors, bool keepRange)
    {
        using var scope = NewDisposeScope();
        var axes = VoxelAxes(rows);
        var mean = rows.mean(axes, keepdim: true);
        var (low, high) = (rows.amin(axes, keepdim: true), rows.amax(axes, keepdim: true));
        rows.sub_(mean).mul_(PerRow(factors, rows)).add_(mean);
        if (keepRange)
            rows.clamp_(low, high);
    }
}
