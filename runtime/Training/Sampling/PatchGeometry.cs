namespace MedSegDsl.Runtime.Training.Sampling;

/// <summary>
/// What nnU-Net derives from a patch size alone: how far patches are rotated, whether the first axis stays out of the
/// spatial transforms, how much must be cut from the image so that a rotated patch has no empty corners, and which axes
/// may be mirrored (nnUNetTrainer, configure_rotation_dummyDA_mirroring_and_inital_patch_size). Axes are z, y, x in 3D and y, x in 2D.
/// </summary>
public sealed class PatchGeometry
{
    /// <summary>The largest aspect ratio of a 2D patch that is still rotated all the way round.</summary>
    private const double LargestSquareRatio = 1.5;

    /// <summary>How many times longer than its first axis a 3D patch must be to be transformed slice by slice.</summary>
    private const double AnisotropyThreshold = 3;

    private readonly double margin;

    /// <summary>Derives everything from a patch.</summary>
    /// <param name="patch">Voxels along each axis; two or three numbers.</param>
    /// <param name="margin">The turned patch is divided by this: nnU-Net 0.85, DA5 0.7.</param>
    /// <param name="largestRotation">Another limit than nnU-Net's for the rotations, in degrees.</param>
    public PatchGeometry(IReadOnlyList<int> patch, double margin = 0.85, double? largestRotation = null)
    {
        this.margin = margin;
        Patch = [.. patch];
        MirrorAxes = [.. Enumerable.Range(0, patch.Count)];
        double degrees;
        if (patch.Count == 2)
        {
            degrees = (double)patch.Max() / patch.Min() > LargestSquareRatio ? 15 : 180;
        }
        else
        {
            IsDummy2D = (double)patch.Max() / patch[0] > AnisotropyThreshold;
            degrees = IsDummy2D ? 180 : 30;
        }

        MaximalRotation = (largestRotation ?? degrees) / 180 * Math.PI;
        InitialPatch = Enlarge();
    }

    /// <summary>The patch that the network sees.</summary>
    public int[] Patch { get; }

    /// <summary>Rotations lie between −this and +this, in radians.</summary>
    public double MaximalRotation { get; }

    /// <summary>Spatial transforms act on each slice of the first axis alike.</summary>
    public bool IsDummy2D { get; }

    /// <summary>What is cut from the image before the spatial transform.</summary>
    public int[] InitialPatch { get; }

    /// <summary>The axes that may be mirrored, in training and in prediction.</summary>
    public int[] MirrorAxes { get; }

    /// <summary>The room that the patch needs when turned about any one axis, and some more for scaling.</summary>
    private int[] Enlarge()
    {
        var angle = Math.Min(Math.PI / 2, MaximalRotation);
        var (cos, sin) = (Math.Cos(angle), Math.Sin(angle));
        var extent = Patch.Select(n => (double)n).ToArray();
        var planes = Patch.Length == 2 ? new[] { (0, 1) } : [(1, 2), (0, 2), (0, 1)];
        foreach (var (a, b) in planes)
        {
            // A row vector times the rotation matrix; which of the two axes gets the sum and which the difference
            // depends on the direction of the rotation: nnU-Net turns axis 1 the other way.
            var (first, second) = (a, b) == (0, 2)
                ? (Patch[a] * cos - Patch[b] * sin, Patch[a] * sin + Patch[b] * cos)
                : (Patch[a] * cos + Patch[b] * sin, Patch[b] * cos - Patch[a] * sin);
            extent[a] = Math.Max(extent[a], Math.Abs(first));
            extent[b] = Math.Max(extent[b], Math.Abs(second));
        }

        var initial = extent.Select(n => (int)(n / margin)).ToArray();
        if (IsDummy2D)
            initial[0] = Patch[0];
        return initial;
    }
}
