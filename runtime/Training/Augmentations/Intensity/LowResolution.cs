using MedSegDsl.Runtime.Training.Loading;
using MedSegDsl.Runtime.Training.Losses;
using static TorchSharp.torch;

namespace MedSegDsl.Runtime.Training.Augmentations.Intensity;

/// <summary>Down to a share of the voxels by nearest sampling and up again by linear interpolation (batchgeneratorsv2,
/// SimulateLowResolutionTransform).</summary>
/// <param name="scale">The share along each axis.</param>
/// <param name="keepFirstAxis">Thin patches keep their slices.</param>
public sealed class LowResolution(Interval scale, bool keepFirstAxis) : IntensityTransform
{
    /// <inheritdoc/>
    public override void Apply(Tensor rows, IReadOnlyList<int> samples, BatchRandom random)
    {
        for (var row = 0; row < samples.Count; row++)
        {
            using var scope = NewDisposeScope();
            Apply(rows[row], random.Uniform(scale), keepFirstAxis);
        }
    }

    /// <summary>Changes a channel in place.</summary>
    /// <param name="volume">(D, H, W) or (H, W).</param>
    /// <param name="scale">The share of the voxels that is left along each axis.</param>
    /// <param name="keepFirstAxis">The first axis keeps its voxels.</param>
    public static void Apply(Tensor volume, double scale, bool keepFirstAxis)
    {
        using var scope = NewDisposeScope();
        var size = volume.shape.Select((n, axis) =>
            axis == 0 && keepFirstAxis ? n : Math.Max(1, (long)Math.Round(n * scale))).ToArray();
        var coarse = DeepSupervision.Downsample(volume.unsqueeze(0).unsqueeze(0), size);
        var mode = size.Length == 3 ? InterpolationMode.Trilinear : InterpolationMode.Bilinear;
        volume.copy_(nn.functional.interpolate(coarse, volume.shape, mode: mode, align_corners: false)[0, 0]);
    }
}
