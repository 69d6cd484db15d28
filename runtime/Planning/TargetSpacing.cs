namespace MedSegDsl.Runtime.Planning;

/// <summary>The spacing of the 3d_fullres configuration and the order of axes (nnunetv2/experiment_planning
/// of MIC-DKFZ/nnUNet).</summary>
public static class TargetSpacing
{
    /// <summary>How many times coarser, and with how many times fewer voxels, an axis must be to count as
    /// anisotropic.</summary>
    public const double AnisotropyThreshold = 3;

    /// <summary>The median spacing; along an anisotropic axis the 10th percentile, not finer than the other
    /// axes.</summary>
    /// <returns>Target spacing in mm along z, y, x.</returns>
    public static double[] Of(DatasetFingerprint fingerprint)
    {
        var target = OrderStatistics.MedianRow(fingerprint.Spacings);
        var size = OrderStatistics.MedianRow(fingerprint.Shapes);
        var worst = Largest(target);
        int[] others = [.. Enumerable.Range(0, target.Length).Where(axis => axis != worst)];
        var coarsestOther = others.Max(axis => target[axis]);
        if (target[worst] > AnisotropyThreshold * coarsestOther && size[worst] * AnisotropyThreshold < others.Min(axis => size[axis]))
        {
            var fine = OrderStatistics.Percentile(fingerprint.Spacings.Select(spacing => spacing[worst]), 10);
            target[worst] = fine < coarsestOther ? coarsestOther + 1e-5 : fine;
        }

        return target;
    }

    /// <summary>The coarsest axis first, the others in their order: transpose_forward.</summary>
    public static int[] TransposeForward(double[] target)
    {
        var worst = Largest(target);
        return [worst, .. Enumerable.Range(0, target.Length).Where(axis => axis != worst)];
    }

    /// <summary>The inverse permutation: transpose_backward.</summary>
    public static int[] Inverse(int[] forward) => [.. Enumerable.Range(0, forward.Length).Select(axis => Array.IndexOf(forward, axis))];

    /// <summary>The shape that a case has after resampling.</summary>
    /// <param name="shape">Voxels before.</param>
    /// <param name="spacing">mm before.</param>
    /// <param name="target">mm after.</param>
    public static int[] NewShape(double[] shape, double[] spacing, double[] target) =>
        [.. Enumerable.Range(0, shape.Length).Select(axis => (int)Math.Round(spacing[axis] / target[axis] * shape[axis]))];

    private static int Largest(double[] values) => Array.IndexOf(values, values.Max());
}
