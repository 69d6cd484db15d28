namespace MedSegDsl.Runtime.Preprocessing.Resampling;

/// <summary>The shape of a volume at another spacing (nnU-Net v2: compute_new_shape).</summary>
public static class NewShape
{
    /// <summary>round(spacing / target · shape) for each axis, in double, half to even.</summary>
    /// <param name="shape">Voxels along z, y, x.</param>
    /// <param name="spacing">Spacing of the volume in mm, same order.</param>
    /// <param name="target">Spacing wanted in mm, same order.</param>
    public static int[] Compute(
        IReadOnlyList<int> shape, IReadOnlyList<double> spacing, IReadOnlyList<double> target) =>
        [.. Enumerable.Range(0, shape.Count).Select(a => (int)Math.Round(spacing[a] / target[a] * shape[a]))];
}
