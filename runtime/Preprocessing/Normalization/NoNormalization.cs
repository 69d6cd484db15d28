namespace MedSegDsl.Runtime.Preprocessing.Normalization;

/// <summary>Leaves intensities as they are.</summary>
public sealed class NoNormalization : IntensityNormalization
{
    /// <inheritdoc />
    public override void Apply(Span<float> voxels, ReadOnlySpan<short> segmentation) { }
}
