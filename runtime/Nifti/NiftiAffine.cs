namespace MedSegDsl.Runtime.Nifti;

/// <summary>The affine of a header, chosen as nibabel chooses it: sform, else qform, else the voxel sizes
/// alone.</summary>
public static class NiftiAffine
{
    /// <summary>4 × 4: voxel indices (x, y, z, 1) to millimetres (right, anterior, superior).</summary>
    /// <exception cref="UserException">The quaternion is longer than 1.</exception>
    public static double[,] Of(NiftiHeader header, string file) =>
        header.SFormCode > 0 ? FromRows(header.SForm)
        : header.QFormCode > 0 ? FromQuaternion(header, file)
        : FromVoxelSize(header);

    private static double[,] FromRows(double[] rows)
    {
        var affine = new double[4, 4];
        for (var i = 0; i < 12; i++)
            affine[i / 4, i % 4] = rows[i];
        affine[3, 3] = 1;
        return affine;
    }

    private static double[,] FromQuaternion(NiftiHeader header, string file)
    {
        var (b, c, d) = (header.Quaternion[0], header.Quaternion[1], header.Quaternion[2]);
        var rest = 1 - (b * b + c * c + d * d);

        // Float32 leaves a rotation by 180° a little longer than 1; nibabel's limit is three float32 steps.
        if (rest < -3 * 1.1920929e-7 || double.IsNaN(rest))
            throw new UserException($"{file}: is corrupt: its quaternion is longer than 1; rewrite its qform");
        var a = Math.Sqrt(Math.Max(rest, 0));
        double[,] rotation =
        {
            { a * a + b * b - c * c - d * d, 2 * (b * c - a * d), 2 * (b * d + a * c) },
            { 2 * (b * c + a * d), a * a + c * c - b * b - d * d, 2 * (c * d - a * b) },
            { 2 * (b * d - a * c), 2 * (c * d + a * b), a * a + d * d - b * b - c * c },
        };
        double[] scale = [header.VoxelSize[0], header.VoxelSize[1], header.VoxelSize[2] * header.QuaternionSign];
        var affine = new double[4, 4];
        for (var row = 0; row < 3; row++)
        {
            for (var column = 0; column < 3; column++)
                affine[row, column] = rotation[row, column] * scale[column];
            affine[row, 3] = header.Quaternion[3 + row];
        }

        affine[3, 3] = 1;
        return affine;
    }

    // The centre of the volume at the origin, x to the left.
    private static double[,] FromVoxelSize(NiftiHeader header)
    {
        var affine = new double[4, 4];
        for (var axis = 0; axis < 3; axis++)
        {
            var step = axis == 0 ? -header.VoxelSize[axis] : header.VoxelSize[axis];
            affine[axis, axis] = step;
            affine[axis, 3] = -step * (header.Shape[axis] - 1) / 2.0;
        }

        affine[3, 3] = 1;
        return affine;
    }
}
