using MedSegDsl.Runtime.Imaging;
using MedSegDsl.Runtime.Training.Sampling;

namespace MedSegDsl.Runtime.Preprocessing;

/// <summary>A case ready for training or prediction in one configuration; all axes transposed as the plans
/// ask.</summary>
/// <param name="Image">Normalized and resampled channels of (z, y, x).</param>
/// <param name="Segmentation">One channel of the same shape; −1 outside the nonzero mask.</param>
/// <param name="Properties">What was done to the case.</param>
/// <param name="Locations">Voxels to centre patches on; empty for a case without labels.</param>
public sealed record PreprocessedCase(
    ImageArray<float> Image,
    ImageArray<short> Segmentation,
    CaseProperties Properties,
    IReadOnlyList<ClassLocations> Locations);
