using System.Collections.Concurrent;
using System.Numerics;

namespace MedSegDsl.Kernels.Cuda;

/// <summary>What the scan's kernels are compiled for: N states, the type's number, softplus or not, gated by z or not.</summary>
internal readonly record struct ScanVariant(int States, int Type, bool Softplus, bool Gated);

/// <summary>The scan's kernels for one device and variant, and how they are launched. Sizes were tuned on an H200.</summary>
internal sealed class ScanKernels
{
    private static readonly ConcurrentDictionary<(CudaDevice, ScanVariant), ScanKernels> Compiled = new();
    private static readonly ConcurrentDictionary<(CudaDevice, ScanVariant, int Threads), Kernel> CompiledGradients = new();

    private const int StatesPerLane = 16, TokensPerStep = 4;

    // Shared memory that a kernel can declare itself, in bytes.
    private const int MostDeclared = 48 * 1024;

    private readonly CudaDevice device;
    private readonly ScanVariant variant;
    private readonly int groups;
    private readonly Lazy<Kernel> adjoint, adjointAndTiles;

    private ScanKernels(CudaDevice device, ScanVariant variant)
    {
        this.device = device;
        this.variant = variant;
        // The walks that give outputs have a channel's states in one lane where they fit its registers.
        groups = (int)BitOperations.RoundUpToPowerOf2((uint)((variant.States + StatesPerLane - 1) / StatesPerLane));
        // The gradients' walk keeps several tokens' states: 4 states a lane, at most 32 lanes.
        GradientGroups = (int)Math.Min(32, BitOperations.RoundUpToPowerOf2((uint)((variant.States + 3) / 4)));
        // The gradients' walk keeps a tile of every state in shared memory, 48 KiB of which every GPU has.
        Tile = variant.States > 128 ? 8 : variant.States > 64 ? 16 : 32;

        var forward = Constants(groups).Append(("FORWARD_BLOCKS", 6)).ToList();
        Summaries = device.Kernel("scan_forward.cu", "scanSummaries", forward);
        Outputs = device.Kernel("scan_forward.cu", "scanOutputs", forward);
        (string, int)[] backward = [.. Constants(groups), ("ADJOINT_BLOCKS", 4)];
        adjoint = new Lazy<Kernel>(() => device.Kernel("scan_adjoint.cu", "scanAdjoint", backward));
        adjointAndTiles = new Lazy<Kernel>(() => device.Kernel("scan_adjoint.cu", "scanAdjointAndTiles", backward));
        Carry = device.Kernel("scan_carry.cu", "scanCarry", Constants(new ScanVariant(variant.States, 0, false, false), groups, Tile));
    }

    /// <summary>Each chunk's state from a state of zero.</summary>
    public Kernel Summaries { get; }

    /// <summary>The outputs.</summary>
    public Kernel Outputs { get; }

    /// <summary>The carry from chunk to chunk.</summary>
    public Kernel Carry { get; }

    /// <summary>Tokens that a block treats together in the backward pass.</summary>
    public int Tile { get; }

    private int GradientGroups { get; }

    private int GradientChannelsPerLane => GradientGroups > 1 ? 2 : 1;

    /// <summary>The kernels for a device and variant, compiled at first use.</summary>
    public static ScanKernels For(CudaDevice device, ScanVariant variant) =>
        Compiled.GetOrAdd((device, variant), static key => new ScanKernels(key.Item1, key.Item2));

    /// <summary>
    /// The tokens of a chunk: as many as leave enough warps to fill a large GPU. It depends on sizes alone, so that results do not
    /// change from one GPU to another.
    /// </summary>
    public int ChunkLength(long batch, long length, int channels)
    {
        var chunk = Tile;
        var warps = batch * ((channels + 31) / 32);
        while (variant.States <= 64 && chunk < 64 && length / (2 * chunk) * warps >= 3000)
        {
            chunk *= 2;
        }
        return chunk;
    }

    /// <summary>Launches a walk of one block for each chunk, channel tile and batch entry.</summary>
    /// <param name="kernel">The kernel.</param>
    /// <param name="argument">Its argument.</param>
    /// <param name="batch">B.</param>
    /// <param name="scan">The sizes.</param>
    /// <param name="weights">Whether the kernel reads one of b and c (1) or both (2).</param>
    public void Walk<T>(Kernel kernel, T argument, long batch, in ScanArgument scan, int weights)
        where T : unmanaged
    {
        var lanes = 32 / groups;
        var tiles = (scan.Channels + lanes - 1) / lanes;
        var warps = tiles <= 4 ? tiles : new[] { 4, 3, 2 }.MinBy(count => (tiles + count - 1) / count * count);
        var padded = (variant.States + groups - 1) / groups * groups;
        kernel.Launch(
            new Grid(scan.Chunks, (tiles + warps - 1) / warps, batch), 32 * warps, scan.Chunk * (4 * weights * padded + 12), argument);
    }

    /// <summary>Launches the carry.</summary>
    public void LaunchCarry(CarryArgument argument, long batch) =>
        Carry.Launch(new Grid((argument.Channels + 31) / 32, variant.States, batch), 512, 0, argument);

    /// <summary>The backward pass's first walk, which gives tiles' states as well where chunks hold several.</summary>
    public Kernel Adjoint(bool withTiles) => (withTiles ? adjointAndTiles : adjoint).Value;

    /// <summary>How the gradients' walk is launched for a number of channels.</summary>
    public GradientLaunch GradientsFor(int channels)
    {
        var perWarp = 32 / GradientGroups * GradientChannelsPerLane;
        var warps = channels % (6 * perWarp) == 0 ? 6 : Math.Min(4, (channels + perWarp - 1) / perWarp);
        while (warps > 1 && (Sums(warps) > MostDeclared || DynamicMemory(warps, perWarp) + Sums(warps) > device.SharedMemory))
        {
            warps--;
        }
        var threads = 32 * warps;
        var kernel = CompiledGradients.GetOrAdd(
            (device, variant, threads),
            key => device.Kernel(
                "scan_gradients.cu", "scanGradients",
                [.. Constants(GradientGroups), ("THREADS", key.Threads), ("BLOCKS", Math.Max(1, 384 / key.Threads))]));
        return new GradientLaunch(kernel, threads, warps * perWarp, DynamicMemory(warps, perWarp));
    }

    // The structure Tile of scan_gradients.cu; and the array that sums two values for each thread and share of a step in the end.
    private int DynamicMemory(int warps, int perWarp)
    {
        var (threads, states) = (32 * warps, (variant.States + GradientGroups - 1) / GradientGroups);
        var perLane = GradientChannelsPerLane * states;
        var tile = Tile * (2 * states * GradientGroups + 3 * warps * perWarp + 3) + Tile / TokensPerStep * perLane * threads;
        return 4 * Math.Max(tile, 2 * TokensPerStep * GradientChannelsPerLane * threads);
    }

    // The array of sums that the kernel declares itself, in bytes.
    private int Sums(int warps)
    {
        var states = (variant.States + GradientGroups - 1) / GradientGroups;
        return 4 * 2 * TokensPerStep * warps * GradientGroups * (int)BitOperations.RoundUpToPowerOf2((uint)(2 * states));
    }

    private IEnumerable<(string, int)> Constants(int lanes) => Constants(variant, lanes, Tile);

    private static IEnumerable<(string, int)> Constants(ScanVariant variant, int lanes, int tile) =>
    [
        ("N", variant.States), ("GROUPS", lanes), ("TILE", tile), ("TYPE", variant.Type),
        ("SOFTPLUS", variant.Softplus ? 1 : 0), ("GATED", variant.Gated ? 1 : 0),
    ];
}

/// <summary>A kernel for the gradients, threads and channels of a block, and its dynamic shared memory in bytes.</summary>
internal readonly record struct GradientLaunch(Kernel Kernel, int Threads, int Channels, int SharedMemory);
