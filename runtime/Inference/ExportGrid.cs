using MedSegDsl.Runtime.Planning;

namespace MedSegDsl.Runtime.Inference;

/// <summary>The way back from a network's grid to the image file's: what preprocessing did to a case.</summary>
/// <param name="NetworkSpacing">Spacing that the network saw, in mm, in the order of the plans.</param>
/// <param name="OwnSpacing">The case's own spacing, in mm, in the order of the plans.</param>
/// <param name="Resampling">How logits are resampled from the one to the other.</param>
/// <param name="ShapeBeforeCropping">Voxels of the whole image, in the order of the plans.</param>
/// <param name="Box">Half-open ranges [[z0, z1], [y0, y1], [x0, x1]] of the part that was kept, in the order of the plans.</param>
/// <param name="TransposeBackward">From the order of the plans to the file's.</param>
public sealed record ExportGrid(
    IReadOnlyList<double> NetworkSpacing,
    IReadOnlyList<double> OwnSpacing,
    ResamplingSettings Resampling,
    int[] ShapeBeforeCropping,
    int[][] Box,
    IReadOnlyList<int> TransposeBackward)
{
    /// <summary>Voxels of the part that was kept, at the case's own spacing.</summary>
    public int[] CroppedShape => [.. Box.Select(range => range[1] - range[0])];
}
