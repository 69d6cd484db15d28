namespace MedSegDsl.Kernels.Cuda;

/// <summary>How a depthwise convolution's volume is cut: voxels of one thread along height and width.</summary>
internal readonly record struct DepthwiseTiling(int Height, int Width)
{
    // Tiles whose sums and one plane of weights fit a thread's registers.
    private static readonly DepthwiseTiling[] Candidates =
        [new(4, 10), new(4, 8), new(5, 5), new(4, 5), new(2, 10), new(4, 4), new(2, 8), new(2, 4)];

    // Warps that keep a large GPU busy.
    private const double EnoughWarps = 2000;

    /// <summary>The tiling with the least work: multiplications on and beyond the volume, loads, and GPU that stands idle.</summary>
    public static DepthwiseTiling Best(int kernel, long planes, int height, int width, int channels) =>
        Candidates.MinBy(tile => tile.Cost(kernel, planes, height, width, channels));

    private double Cost(int kernel, long planes, int height, int width, int channels)
    {
        long Tiles(int size, int tile) => (size + tile - 1) / tile;

        var tiles = Tiles(height, Height) * Tiles(width, Width);
        var multiplications = (double)Height * Width * kernel * kernel;
        var loads = (Height + kernel - 1) * (Width + kernel - 1) + kernel * kernel;
        var warps = tiles * planes * Tiles(channels, 32);
        return tiles * (multiplications + 2 * loads) * Math.Max(1, Math.Sqrt(EnoughWarps / warps));
    }
}
