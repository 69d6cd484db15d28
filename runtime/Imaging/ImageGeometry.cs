namespace MedSegDsl.Runtime.Imaging;

/// <summary>Where the voxels of a file lie in the patient.</summary>
/// <param name="Spacing">Distance of voxel centres in mm along z, y, x, as nnU-Net's readers give it.</param>
/// <param name="Affine">4 × 4: voxel indices (x, y, z, 1) to millimetres (right, anterior, superior).</param>
/// <param name="Header">The bytes that the format's reader needs to write a file with the same geometry; null
/// where spacing and
/// affine are enough. Only the reader that made them looks inside.</param>
public sealed record ImageGeometry(double[] Spacing, double[,] Affine, byte[]? Header = null)
{
    /// <summary>A geometry without a position: the axes along the patient's, the origin at the first
    /// voxel.</summary>
    public static ImageGeometry FromSpacing(double[] spacing) => new(spacing, new[,]
    {
        { spacing[2], 0, 0, 0 },
        { 0, spacing[1], 0, 0 },
        { 0, 0, spacing[0], 0 },
        { 0, 0, 0, 1 },
    });

    /// <summary>True where the spacings agree to a relative 1e-5, as numpy's allclose compares
    /// them.</summary>
    public bool HasSpacingOf(ImageGeometry other) => Close(Spacing, other.Spacing);

    /// <summary>True where the affines agree to a relative 1e-5 (1e-3 mm for what is near zero).</summary>
    public bool HasAffineOf(ImageGeometry other)
    {
        for (var row = 0; row < 3; row++)
            for (var column = 0; column < 4; column++)
            {
                var (a, b) = (Affine[row, column], other.Affine[row, column]);
                if (!(Math.Abs(a - b) <= 1e-3 + 1e-5 * Math.Abs(b)))
                    return false;
            }

        return true;
    }

    private static bool Close(double[] a, double[] b) =>
        a.Length == b.Length && a.Zip(b).All(pair => Math.Abs(pair.First - pair.Second) <= 1e-8 + 1e-5 * Math.Abs(pair.Second));
}
