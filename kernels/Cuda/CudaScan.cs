using static TorchSharp.torch;

namespace MedSegDsl.Kernels.Cuda;

/// <summary>The selective scan on a GPU: forward and backward passes of kernels.</summary>
internal sealed class CudaScan
{
    // Blocks of the gradients' walk: more than any GPU runs at once, few enough that partial sums of parameters stay small.
    private const long GradientBlocks = 4096;

    // The gradients' kernel has at most 32 lanes for a channel's states, and registers for 8 in each.
    private const int MostStates = 256;

    private readonly ScanInputs inputs;
    private readonly ScanKernels kernels;
    private readonly int device;
    private readonly long entries, length;
    private readonly int states;
    private readonly bool joined;
    private ScanArgument argument;

    /// <summary>Whether the kernels take this many states; more go through tensor operations.</summary>
    public static bool TakesStates(long states) => states <= MostStates;

    /// <summary>
    /// Scans of inputs that the kernels can read, one for each path: entries of u are those of the batch for each path, and z, with
    /// the batch's entries alone, is the same for all paths.
    /// </summary>
    /// <param name="inputs">The inputs.</param>
    /// <param name="paths">The orders.</param>
    /// <param name="softplus">Whether the time steps' softplus is taken.</param>
    /// <param name="joined">Whether results have the segments of a token side by side, (entries, L, S, D), else (entries, S, L, D).</param>
    public CudaScan(ScanInputs inputs, IReadOnlyList<ScanPath> paths, bool softplus, bool joined = false)
    {
        this.inputs = inputs;
        this.joined = joined;
        var shape = inputs.U.shape;
        (entries, length, states) = (shape[0], shape[1] * shape[2], (int)inputs.A.shape[1]);
        if (length > int.MaxValue || !TakesStates(states))
        {
            throw new ArgumentException($"The scan takes up to 2^31 − 1 tokens and {MostStates} states; here {length} and {states}.");
        }
        var cuda = CudaDevice.Of(inputs.U);
        device = cuda.Index;
        kernels = ScanKernels.For(cuda, new ScanVariant(states, ElementTypes.Number(inputs.U.dtype), softplus, inputs.Z is not null));
        var channels = (int)shape[3];
        var chunk = kernels.ChunkLength(entries, length, channels);
        argument = new ScanArgument
        {
            U = RowsArgument.Of(inputs.U),
            Delta = RowsArgument.Of(inputs.Delta),
            B = RowsArgument.Of(inputs.B),
            C = RowsArgument.Of(inputs.C),
            Z = RowsArgument.Of(inputs.Z),
            A = DeviceMemory.Address(inputs.A),
            Skip = DeviceMemory.Address(inputs.D),
            Bias = DeviceMemory.Address(inputs.DeltaBias),
            Paths = PerOrder<PathArgument>.Of([.. paths.Select(path => PathArgument.Of(path, device))]),
            Batches = (int)(entries / paths.Count),
            Joined = joined ? 1 : 0,
            Segments = (int)shape[1],
            Channels = channels,
            Chunk = chunk,
            Chunks = (int)((length + chunk - 1) / chunk),
        };
    }

    private bool HasChunks => argument.Chunks > 1;

    private bool HasTilesInChunks => HasChunks && argument.Chunk > kernels.Tile;

    /// <summary>
    /// Compiles what the backward pass launches. libtorch runs that pass on a thread of its own, where an error would end the
    /// process: here it reaches the caller.
    /// </summary>
    public void PrepareBackward()
    {
        kernels.GradientsFor(argument.Channels);
        if (HasChunks)
        {
            kernels.Adjoint(HasTilesInChunks);
        }
    }

    /// <summary>The outputs; the states at the chunks' starts and the sums of their time steps, which the backward pass needs.</summary>
    public (Tensor Y, Tensor? States, Tensor? Elapsed) Forward()
    {
        var shape = inputs.U.shape;
        var y = joined ? Like([entries, shape[2], shape[1], shape[3]]) : Like(shape);
        var starts = HasChunks ? Floats(entries, argument.Chunks, states, argument.Channels) : null;
        var elapsed = HasChunks ? Floats(entries, argument.Chunks, argument.Channels) : null;
        var scan = Bound(y, starts, elapsed);
        if (HasChunks)
        {
            kernels.Walk(kernels.Summaries, scan, entries, scan, 1);
            Carry(starts, elapsed, false);
        }
        kernels.Walk(kernels.Outputs, scan, entries, scan, 2);
        Keep(starts, elapsed);
        return (y, starts, elapsed);
    }

    /// <summary>The gradients from the outputs', which all paths may share, and what the forward pass kept.</summary>
    public ScanGradientParts Backward(Tensor gradient, Tensor? starts, Tensor? elapsed)
    {
        var scan = Bound(gradient, starts, elapsed);
        var launch = kernels.GradientsFor(argument.Channels);
        var tileCount = (length + kernels.Tile - 1) / kernels.Tile;
        var ownTiles = HasTilesInChunks;
        var tiles = ownTiles ? Floats(entries, tileCount, states, argument.Channels) : starts;
        var adjoint = HasChunks ? Floats(entries, argument.Chunks, states, argument.Channels) : null;
        if (HasChunks)
        {
            kernels.Walk(
                kernels.Adjoint(ownTiles),
                new AdjointArgument
                {
                    Scan = scan,
                    Tiles = DeviceMemory.Address(tiles),
                    TileCount = tileCount,
                    Adjoint = DeviceMemory.Address(adjoint),
                },
                entries, scan, ownTiles ? 2 : 1);
            Carry(adjoint, elapsed, true);
        }

        var shape = inputs.U.shape;
        var (du, ddelta) = (Like(shape), Like(shape));
        var dz = inputs.Z is null ? null : Like(shape);
        var channelTiles = (argument.Channels + launch.Channels - 1) / launch.Channels;
        var share = (int)Math.Max(1, argument.Chunks * entries * channelTiles / GradientBlocks);
        var shares = (argument.Chunks + share - 1) / share;
        var weights = Floats(channelTiles, entries, shape[1], shape[2], 2 * states);
        var parameters = Floats(entries * shares, argument.Channels, states + 2);
        launch.Kernel.Launch(
            new Grid(shares, channelTiles, entries), launch.Threads, launch.SharedMemory,
            new GradientsArgument
            {
                Scan = scan,
                Tiles = DeviceMemory.Address(tiles),
                TileCount = tileCount,
                Adjoint = DeviceMemory.Address(adjoint),
                Du = RowsArgument.Of(du),
                Ddelta = RowsArgument.Of(ddelta),
                Dz = RowsArgument.Of(dz),
                Weights = DeviceMemory.Address(weights),
                Parameters = DeviceMemory.Address(parameters),
                Share = share,
            });
        Keep(gradient, starts, elapsed, tiles, adjoint);

        return new ScanGradientParts(du, ddelta, dz, weights, parameters.sum([0L]));
    }

    private ScanArgument Bound(Tensor y, Tensor? starts, Tensor? elapsed) => argument with
    {
        Y = RowsArgument.Of(y),
        States = DeviceMemory.Address(starts),
        Elapsed = DeviceMemory.Address(elapsed),
    };

    private void Carry(Tensor? summaries, Tensor? elapsed, bool reversed) =>
        kernels.LaunchCarry(
            new CarryArgument
            {
                A = argument.A,
                States = DeviceMemory.Address(summaries),
                Elapsed = DeviceMemory.Address(elapsed),
                Channels = argument.Channels,
                Chunks = argument.Chunks,
                Reversed = reversed ? 1 : 0,
            },
            entries);

    private Tensor Floats(params long[] shape) => empty(shape, ScalarType.Float32, inputs.U.device);

    private Tensor Like(long[] shape) => empty(shape, inputs.U.dtype, inputs.U.device);

    // Launches only have addresses: the tensors must not be collected before they are queued.
    private void Keep(params Tensor?[] tensors)
    {
        GC.KeepAlive(tensors);
        GC.KeepAlive(inputs);
    }
}
