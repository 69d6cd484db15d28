using MedSegDsl.Runtime.Dataset;
using static TorchSharp.torch;

namespace MedSegDsl.Runtime.Training;

/// <summary>What the network should say about a batch.</summary>
public static class TrainingTarget
{
    /// <summary>The target of a segmentation.</summary>
    /// <param name="segmentation">(B, 1, …) with −1 outside the image, which counts as background.</param>
    /// <param name="labels">The dataset's classes or regions.</param>
    /// <returns>Exclusive classes: labels in int64, (B, 1, …). Regions: one 0/1 channel for each in float32, and one for
    /// the ignore label if there is one, (B, R or R + 1, …).</returns>
    public static Tensor From(Tensor segmentation, LabelManager labels)
    {
        using var scope = NewDisposeScope();
        var target = segmentation.to(ScalarType.Int64).clamp_min_(0);
        if (labels.HasRegions)
        {
            var channels = labels.ForegroundRegions.Select(region => AnyOf(target, region)).ToList();
            if (labels.IgnoreLabel is { } ignored)
                channels.Add(target.eq(ignored));
            target = cat(channels, 1).to(ScalarType.Float32);
        }

        return target.MoveToOuterDisposeScope();
    }

    private static Tensor AnyOf(Tensor target, int[] values) =>
        values.Select(value => target.eq(value)).Aggregate((a, b) => a.logical_or(b));
}
