using System.Numerics.Tensors;

namespace MedSegDsl.Runtime.Preprocessing.Normalization;

/// <summary>Divides by 255, for the channels of 8-bit colour images.</summary>
public sealed class RGBTo01Normalization : IntensityNormalization
{
    /// <inheritdoc />
    public override void Apply(Span<float> voxels, ReadOnlySpan<short> segmentation)
    {
        var (lowest, highest) = (TensorPrimitives.Min<float>(voxels), TensorPrimitives.Max<float>(voxels));
        if (lowest < 0 || highest > 255)
            throw new UserException(
                FormattableString.Invariant($"intensities from {lowest} to {highest}: ")
                + "RGBTo01Normalization expects 0 to 255; name the channel otherwise in dataset.json");
        TensorPrimitives.Divide(voxels, 255f, voxels);
    }
}
