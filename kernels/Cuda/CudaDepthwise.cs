using static TorchSharp.torch;

namespace MedSegDsl.Kernels.Cuda;

/// <summary>
/// Depthwise 3D convolutions on a GPU: several orders that convolve one volume with kernels of one size. Volumes are given as
/// <see cref="VolumeArgument"/>; those of the orders lie at equal distances.
/// </summary>
internal sealed class CudaDepthwise
{
    private const int PlainWarps = 8, PackThreads = 256, SumThreads = 256;

    private readonly IReadOnlyList<Tensor> weights;
    private readonly IReadOnlyList<KernelOrderArgument> orders;
    private readonly DepthwiseKernels kernels;
    private readonly DepthwiseTiling tiling;
    private readonly bool mayPair;
    private readonly Device device;
    private readonly int batch, depth, height, width, channels, size;

    /// <summary>Convolutions of volumes of a shape (B, D, H, W, C) and a type.</summary>
    /// <param name="shape">The volumes' shape.</param>
    /// <param name="type">The volumes' type.</param>
    /// <param name="weights">Contiguous float32 kernels (C, 1, k, k, k) for each order; one alone where k is over 7.</param>
    /// <param name="paths">The orders.</param>
    public CudaDepthwise(long[] shape, ScalarType type, IReadOnlyList<Tensor> weights, IReadOnlyList<ScanPath> paths)
    {
        this.weights = weights;
        (batch, depth, height, width, channels) = ((int)shape[0], (int)shape[1], (int)shape[2], (int)shape[3], (int)shape[4]);
        size = (int)weights[0].shape[^1];
        device = weights[0].device;
        orders = [.. paths.Select(KernelOrderArgument.Of)];
        kernels = DepthwiseKernels.For(CudaDevice.Of(weights[0]), size, ElementTypes.Number(type));
        tiling = DepthwiseTiling.Best(size, (long)batch * depth, height, width, channels);
        mayPair = type != ScalarType.Float32 && channels % 2 == 0 && IsTiled;
    }

    private bool IsTiled => size <= DepthwiseKernels.LargestTiled;

    private int Taps => size * size * size;

    private int ChannelTiles => (channels + 31) / 32;

    /// <summary>Writes x ∗ weight + bias of each order to y.</summary>
    /// <param name="x">The volume.</param>
    /// <param name="biases">Float32 biases (C) or null for each order.</param>
    /// <param name="y">Where the first order's result goes.</param>
    /// <param name="yOrder">Elements from one order's result to the next's.</param>
    /// <param name="activated">Where SiLU of the results goes, laid out as y; zero for nowhere.</param>
    public void Forward(VolumeArgument x, IReadOnlyList<Tensor?> biases, VolumeArgument y, long yOrder, nint activated) =>
        Convolve(Argument(x, y) with { YOrder = yOrder, Activated = activated, Summed = 1, Biased = 1 }, orders, biases);

    /// <summary>Writes the gradient of x, or adds it to what is there.</summary>
    /// <param name="gradient">The gradient of the first order's result.</param>
    /// <param name="order">Elements from one order's gradient to the next's.</param>
    /// <param name="dx">Where the gradient of x goes.</param>
    /// <param name="accumulated">Whether it is added.</param>
    public void InputGradient(VolumeArgument gradient, long order, VolumeArgument dx, bool accumulated) =>
        Convolve(
            Argument(gradient, dx) with { XOrder = order, Summed = orders.Count, Accumulated = accumulated ? 1 : 0 },
            [.. orders.Select(kernel => kernel.Flipped())],
            [.. orders.Select(_ => (Tensor?)null)]);

    /// <summary>The gradients of the weights (orders, C, 1, k, k, k) and the biases (orders, C), in float32.</summary>
    /// <param name="x">The volume.</param>
    /// <param name="gradient">The gradient of the first order's result.</param>
    /// <param name="order">Elements from one order's gradient to the next's.</param>
    public (Tensor Weights, Tensor Biases) WeightGradients(VolumeArgument x, VolumeArgument gradient, long order)
    {
        var argument = Argument(x, gradient) with { YOrder = order };
        var tiles = ChannelTiles * orders.Count;
        // Blocks that fill a large GPU two or four times: a fixed number, so that the order of sums does not depend on the GPU.
        var steps = (long)batch * depth * ((height + tiling.Height - 1) / tiling.Height) * ((width + tiling.Width - 1) / tiling.Width);
        argument.Parts = IsTiled
            ? (int)Math.Clamp((size == DepthwiseKernels.LargestTiled ? 264 : 528) / tiles, 1, steps)
            : Math.Max(1, Math.Min(batch * depth * height, 16 / ChannelTiles));
        var partial = Floats(argument.Parts, orders.Count, Taps + 1, channels);
        argument.Partial = DeviceMemory.Address(partial);
        kernels.Pass("kernelGradients", tiling, argument).Launch(
            new Grid(argument.Parts, tiles, IsTiled ? 1 : (Taps + PlainWarps) / PlainWarps), 32 * (IsTiled ? size : PlainWarps), 0, argument);

        var weightGradients = Floats([orders.Count, .. weights[0].shape]);
        var biasGradients = Floats(orders.Count, channels);
        kernels.Sum.Launch(
            new Grid(ChannelTiles, Taps + 1, orders.Count), SumThreads, 0,
            new UnpackingArgument
            {
                Partial = argument.Partial,
                Weight = DeviceMemory.Address(weightGradients),
                Bias = DeviceMemory.Address(biasGradients),
                Orders = PerOrder<KernelOrderArgument>.Of(orders),
                Channels = channels,
                Parts = argument.Parts,
                Count = orders.Count,
            });
        GC.KeepAlive(partial);
        return (weightGradients, biasGradients);
    }

    private void Convolve(ConvolutionArgument argument, IReadOnlyList<KernelOrderArgument> kernelOrders, IReadOnlyList<Tensor?> biases)
    {
        var packed = Floats(orders.Count, Taps + 1, channels);
        kernels.Pack.Launch(
            new Grid(((Taps + 1) * channels + PackThreads - 1) / PackThreads, orders.Count), PackThreads, 0,
            new PackingArgument
            {
                Weights = PerOrder<nint>.Of([.. weights.Select(DeviceMemory.Address)]),
                Biases = PerOrder<nint>.Of([.. biases.Select(DeviceMemory.Address)]),
                Orders = PerOrder<KernelOrderArgument>.Of(kernelOrders),
                Packed = DeviceMemory.Address(packed),
                Channels = channels,
                Count = orders.Count,
            });
        argument.Weight = DeviceMemory.Address(packed);
        var cut = mayPair && argument.X.HasPairs && argument.Y.HasPairs
            ? DepthwiseTiling.BestOfPairs(size, (long)batch * depth, height, width, channels)
            : tiling;
        var tiles = (long)((height + cut.Height - 1) / cut.Height) * ((width + cut.Width - 1) / cut.Width);
        var blocks = IsTiled
            ? tiles * ((depth + cut.Rows - 1) / cut.Rows)
            : ((long)depth * height * width + PlainWarps - 1) / PlainWarps;
        kernels.Pass("convolve", cut, argument).Launch(
            new Grid(blocks, (long)(IsTiled ? cut.ChannelTiles(channels) : ChannelTiles) * orders.Count / argument.Summed, batch),
            IsTiled ? cut.Threads : 32 * PlainWarps, 0, argument);
        GC.KeepAlive((packed, weights, biases));
    }

    private ConvolutionArgument Argument(VolumeArgument x, VolumeArgument y) => new()
    {
        X = x,
        Y = y,
        Batch = batch,
        Depth = depth,
        Height = height,
        Width = width,
        Channels = channels,
        Orders = orders.Count,
    };

    private Tensor Floats(params long[] shape) => empty(shape, ScalarType.Float32, device);
}
