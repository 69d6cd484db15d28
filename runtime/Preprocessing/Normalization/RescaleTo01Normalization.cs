using System.Numerics.Tensors;

namespace MedSegDsl.Runtime.Preprocessing.Normalization;

/// <summary>Subtracts the smallest value of the case and divides by the largest after that.</summary>
public sealed class RescaleTo01Normalization : IntensityNormalization
{
    /// <inheritdoc />
    public override void Apply(Span<float> voxels, ReadOnlySpan<short> segmentation)
    {
        TensorPrimitives.Subtract(voxels, TensorPrimitives.Min<float>(voxels), voxels);
        TensorPrimitives.Divide(voxels, Math.Max(TensorPrimitives.Max<float>(voxels), 1e-8f), voxels);
    }
}
