using System.Numerics.Tensors;
using MedSegDsl.Runtime.Planning;

namespace MedSegDsl.Runtime.Preprocessing.Normalization;

/// <summary>
/// Clips to the 0.5 and 99.5 percentiles of the dataset's foreground, subtracts its mean, divides by its
/// standard deviation: Hounsfield units mean the same in every scan, so all cases share the numbers.
/// </summary>
public sealed class CTNormalization(IntensityProperties intensities) : IntensityNormalization
{
    /// <inheritdoc />
    public override void Apply(Span<float> voxels, ReadOnlySpan<short> segmentation)
    {
        TensorPrimitives.Clamp(voxels, (float)intensities.Percentile005, (float)intensities.Percentile995, voxels);
        TensorPrimitives.Subtract(voxels, (float)intensities.Mean, voxels);
        TensorPrimitives.Divide(voxels, (float)Math.Max(intensities.Std, 1e-8), voxels);
    }
}
