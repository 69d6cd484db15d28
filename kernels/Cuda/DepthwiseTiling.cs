using System.Collections.Concurrent;

namespace MedSegDsl.Kernels.Cuda;

/// <summary>How a depthwise convolution's volume is shared out.</summary>
/// <param name="Height">Voxels of one thread along the height.</param>
/// <param name="Width">Voxels of one thread along the width.</param>
/// <param name="PerLane">Neighbouring channels of one thread.</param>
/// <param name="Lanes">Threads side by side along the channels.</param>
/// <param name="Rows">Rows of such threads in a block, neighbours in depth.</param>
/// <param name="Blocks">Blocks that a multiprocessor shall hold, which bounds the registers.</param>
internal readonly record struct DepthwiseTiling(int Height, int Width, int PerLane, int Lanes, int Rows, int Blocks)
{
    // Voxels whose sums and one plane of weights fit a thread's registers.
    private static readonly (int Height, int Width)[] Candidates =
        [(4, 10), (4, 8), (5, 5), (4, 5), (2, 10), (4, 4), (2, 8), (2, 4)];

    // Sums of a thread that has two channels: as many as one has with the largest candidate.
    private const int MostSums = 40;

    // Warps that keep a large GPU busy.
    private const double EnoughWarps = 2000;

    // Threads side by side, where a thread has two channels.
    private const int MostLanes = 64;

    private static readonly ConcurrentDictionary<(bool Pairs, int Kernel, long Planes, int Height, int Width, int Channels), DepthwiseTiling> Known = new();

    /// <summary>Threads of a block.</summary>
    public int Threads => Lanes * Rows;

    /// <summary>Blocks along the channels.</summary>
    public int ChannelTiles(int channels) => (channels / PerLane + Lanes - 1) / Lanes;

    /// <summary>One channel for each thread: the tiling with the least work.</summary>
    public static DepthwiseTiling Best(int kernel, long planes, int height, int width, int channels) =>
        Known.GetOrAdd(
            (false, kernel, planes, height, width, channels),
            static key => Best(
                new DepthwiseTiling(0, 0, PerLane: 1, Lanes: 32, Rows: 4, Blocks: 4), key.Kernel, key.Planes, key.Height, key.Width, key.Channels));

    /// <summary>Two neighbouring channels, an even number of them, for each thread: half the loads of 16-bit numbers.</summary>
    public static DepthwiseTiling BestOfPairs(int kernel, long planes, int height, int width, int channels) =>
        Known.GetOrAdd(
            (true, kernel, planes, height, width, channels),
            static key => Best(SharesOfPairs(key.Kernel, key.Channels), key.Kernel, key.Planes, key.Height, key.Width, key.Channels));

    private static DepthwiseTiling SharesOfPairs(int kernel, int channels)
    {
        var pairs = channels / 2;
        var tiles = (pairs + MostLanes - 1) / MostLanes;
        var lanes = (pairs + tiles - 1) / tiles;
        var rows = lanes > 48 ? 2 : lanes > 24 ? 4 : 8;
        var blocks = (kernel > 3 ? 384 : 640) / (lanes * rows);
        return new DepthwiseTiling(0, 0, PerLane: 2, lanes, rows, Math.Max(1, blocks));
    }

    // The least work: multiplications on and beyond the volume, loads, and GPU that stands idle.
    private static DepthwiseTiling Best(DepthwiseTiling shares, int kernel, long planes, int height, int width, int channels) =>
        Candidates
            .Where(tile => shares.PerLane == 1 || tile.Height * tile.Width * shares.PerLane <= MostSums)
            .Select(tile => shares with { Height = tile.Height, Width = tile.Width })
            .MinBy(tiling => tiling.Cost(kernel, planes, height, width, channels));

    private double Cost(int kernel, long planes, int height, int width, int channels)
    {
        long Tiles(int size, int tile) => (size + tile - 1) / tile;

        var tiles = Tiles(height, Height) * Tiles(width, Width);
        var multiplications = (double)Height * Width * kernel * kernel;
        var loads = (Height + kernel - 1) * (Width + kernel - 1) + kernel * kernel;
        var warps = tiles * planes * Tiles(channels, 32 * PerLane);
        return tiles * (multiplications + 2 * loads / PerLane) * Math.Max(1, Math.Sqrt(EnoughWarps / warps));
    }
}
