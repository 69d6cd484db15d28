namespace MedSegDsl.Runtime.Planning;

/// <summary>Strides and kernels of a U-Net for a patch: anisotropic axes are left alone until the others have
/// caught up
/// (get_pool_and_conv_props of MIC-DKFZ/nnUNet).</summary>
/// <param name="Strides">Stride of each stage; the first is all 1.</param>
/// <param name="Kernels">Kernel of each stage; the last is all 3.</param>
/// <param name="PatchSize">The size rounded up to a multiple of <paramref name="Divisor"/>.</param>
/// <param name="Divisor">2 to the number of poolings along each axis.</param>
public sealed record Topology(int[][] Strides, int[][] Kernels, int[] PatchSize, int[] Divisor)
{
    /// <summary>The smallest edge of a feature map.</summary>
    public const int SmallestEdge = 4;

    /// <summary>Encoder stages, bottleneck included.</summary>
    public int Stages => Strides.Length;

    /// <summary>The topology for a spacing (mm) and a patch size, both with two or three axes. A size may be
    /// a median and end in .5.</summary>
    public static Topology For(double[] spacing, double[] size)
    {
        var axes = Enumerable.Range(0, size.Length).ToArray();
        double[] s = [.. spacing];
        double[] z = [.. size];
        int[] kernel = [.. axes.Select(_ => 1)];
        int[] poolings = new int[size.Length];
        List<int[]> strides = [[.. kernel]];
        List<int[]> kernels = [];
        while (true)
        {
            int[] large = [.. axes.Where(axis => z[axis] >= 2 * SmallestEdge)];
            if (large.Length == 0)
                break;
            var finest = large.Min(axis => s[axis]);
            int[] pooled = [.. large.Where(axis => s[axis] / finest < 2)];
            if (pooled.Length == 1 && z[pooled[0]] < 3 * SmallestEdge)
                break;
            var finestOfAll = s.Min();
            foreach (var axis in axes.Where(axis => s[axis] / finestOfAll < 2))
                kernel[axis] = 3;
            strides.Add([.. axes.Select(axis => pooled.Contains(axis) ? 2 : 1)]);
            kernels.Add([.. kernel]);
            foreach (var axis in pooled)
            {
                s[axis] *= 2;
                z[axis] = Math.Ceiling(z[axis] / 2);
                poolings[axis]++;
            }
        }

        kernels.Add([.. axes.Select(_ => 3)]);
        int[] divisor = [.. poolings.Select(count => 1 << count)];
        int[] padded = [.. axes.Select(axis => (int)Math.Ceiling(size[axis] / divisor[axis]) * divisor[axis])];
        return new([.. strides], [.. kernels], padded, divisor);
    }
}
