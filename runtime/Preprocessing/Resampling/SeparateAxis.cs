namespace MedSegDsl.Runtime.Preprocessing.Resampling;

/// <summary>
/// Whether a low-resolution axis is resampled apart from the other two, and which (nnU-Net v2:
/// determine_do_sep_z_and_axis). Interpolating across thick slices would smear structures that jump between
/// them.
/// </summary>
public static class SeparateAxis
{
    /// <summary>A spacing is anisotropic when its largest value is more than this many times its
    /// smallest.</summary>
    public const double AnisotropyThreshold = 3;

    /// <summary>The separate axis, or null when all axes are resampled together.</summary>
    /// <param name="current">Spacing of the volume in mm.</param>
    /// <param name="target">Spacing wanted in mm, same order.</param>
    /// <param name="force">True: the current spacing's largest axis. False: none. Null: by
    /// anisotropy.</param>
    public static int? Decide(IReadOnlyList<double> current, IReadOnlyList<double> target, bool? force)
    {
        if (force == false)
            return null;
        if (force == true || IsAnisotropic(current))
            return LargestAxis(current);
        return IsAnisotropic(target) ? LargestAxis(target) : null;
    }

    private static bool IsAnisotropic(IReadOnlyList<double> spacing) =>
        spacing.Max() / spacing.Min() > AnisotropyThreshold;

    /// <summary>The one axis with the largest spacing; none when two or three share it.</summary>
    private static int? LargestAxis(IReadOnlyList<double> spacing)
    {
        var largest = spacing.Max();
        var axes = Enumerable.Range(0, spacing.Count).Where(a => largest / spacing[a] == 1).ToArray();
        return axes.Length == 1 ? axes[0] : null;
    }
}
