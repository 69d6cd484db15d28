namespace MedSegDsl.Runtime.Preprocessing;

/// <summary>What was done to a case, so that a prediction finds its way back to the image's own
/// grid.</summary>
/// <param name="Spacing">Spacing of the file in mm, z, y, x, not transposed.</param>
/// <param name="ShapeBeforeCropping">Transposed shape of the whole image.</param>
/// <param name="CropBox">The half-open box [[z0, z1], [y0, y1], [x0, x1]] that was kept, transposed.</param>
/// <param name="ShapeBeforeResampling">Transposed shape after cropping.</param>
public sealed record CaseProperties(
    double[] Spacing, int[] ShapeBeforeCropping, int[][] CropBox, int[] ShapeBeforeResampling);
