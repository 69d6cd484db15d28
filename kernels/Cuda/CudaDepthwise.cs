using static TorchSharp.torch;

namespace MedSegDsl.Kernels.Cuda;

/// <summary>The depthwise 3D convolution on a GPU: forward and backward passes of kernels.</summary>
internal sealed class CudaDepthwise
{
    private const int Warps = 4, PlainWarps = 8, PackThreads = 256, SumThreads = 256;

    private readonly Tensor weight;
    private readonly KernelOrderArgument order;
    private readonly DepthwiseKernels kernels;
    private readonly DepthwiseTiling tiling;
    private readonly int batch, depth, height, width, channels, size;

    /// <summary>A convolution of volumes of a shape (B, D, H, W, C) with contiguous kernels (C, 1, k, k, k).</summary>
    public CudaDepthwise(long[] shape, Tensor weight, ScanPath path)
    {
        this.weight = weight;
        (batch, depth, height, width, channels) = ((int)shape[0], (int)shape[1], (int)shape[2], (int)shape[3], (int)shape[4]);
        size = (int)weight.shape[^1];
        order = KernelOrderArgument.Of(path);
        kernels = DepthwiseKernels.For(CudaDevice.Of(weight), size, ElementTypes.Number(weight.dtype));
        tiling = DepthwiseTiling.Best(size, (long)batch * depth, height, width, channels);
    }

    private bool IsTiled => size <= DepthwiseKernels.LargestTiled;

    private int Taps => size * size * size;

    private int ChannelTiles => (channels + 31) / 32;

    /// <summary>x ∗ weight + bias, the bias in float32.</summary>
    public Tensor Forward(Tensor x, Tensor? bias) => Convolve(x, bias, order);

    /// <summary>The gradient of x.</summary>
    public Tensor InputGradient(Tensor gradient) => Convolve(gradient, null, order.Flipped());

    /// <summary>The gradients of the weight and the bias, in float32.</summary>
    public (Tensor Weight, Tensor Bias) WeightGradients(Tensor x, Tensor gradient)
    {
        var argument = Argument(x, gradient);
        // Blocks that fill a large GPU two or four times: a fixed number, so that the order of sums does not depend on the GPU.
        var steps = (long)batch * depth * ((height + tiling.Height - 1) / tiling.Height) * ((width + tiling.Width - 1) / tiling.Width);
        argument.Parts = IsTiled
            ? (int)Math.Clamp((size == DepthwiseKernels.LargestTiled ? 264 : 528) / ChannelTiles, 1, steps)
            : Math.Max(1, Math.Min(batch * depth * height, 16 / ChannelTiles));
        var partial = Floats(argument.Parts, Taps + 1, channels);
        argument.Partial = DeviceMemory.Address(partial);
        kernels.Pass("kernelGradients", tiling, argument).Launch(
            new Grid(argument.Parts, ChannelTiles, IsTiled ? 1 : (Taps + PlainWarps) / PlainWarps), 32 * (IsTiled ? size : PlainWarps), 0, argument);

        var (weightGradient, biasGradient) = (Floats(weight.shape), Floats(channels));
        kernels.Sum.Launch(
            new Grid(ChannelTiles, Taps + 1), SumThreads, 0,
            new UnpackingArgument
            {
                Partial = argument.Partial,
                Weight = DeviceMemory.Address(weightGradient),
                Bias = DeviceMemory.Address(biasGradient),
                Order = order,
                Channels = channels,
                Parts = argument.Parts,
            });
        GC.KeepAlive((x, gradient, partial));
        return (weightGradient, biasGradient);
    }

    private Tensor Convolve(Tensor x, Tensor? bias, KernelOrderArgument kernelOrder)
    {
        var packed = Floats(Taps, channels);
        kernels.Pack.Launch(
            new Grid((Taps * channels + PackThreads - 1) / PackThreads), PackThreads, 0,
            new PackingArgument
            {
                Weight = DeviceMemory.Address(weight),
                Packed = DeviceMemory.Address(packed),
                Order = kernelOrder,
                Channels = channels,
            });
        var y = empty([batch, depth, height, width, channels], x.dtype, x.device);
        var argument = Argument(x, y) with { Weight = DeviceMemory.Address(packed), Bias = DeviceMemory.Address(bias) };
        var tiles = (long)((height + tiling.Height - 1) / tiling.Height) * ((width + tiling.Width - 1) / tiling.Width);
        var blocks = IsTiled
            ? tiles * ((depth + Warps - 1) / Warps)
            : ((long)depth * height * width + PlainWarps - 1) / PlainWarps;
        kernels.Pass("convolve", tiling, argument).Launch(
            new Grid(blocks, ChannelTiles, batch), 32 * (IsTiled ? Warps : PlainWarps), 0, argument);
        GC.KeepAlive((x, bias, packed, weight));
        return y;
    }

    private ConvolutionArgument Argument(Tensor x, Tensor y) => new()
    {
        X = VolumeArgument.Of(x),
        Y = VolumeArgument.Of(y),
        Batch = batch,
        Depth = depth,
        Height = height,
        Width = width,
        Channels = channels,
    };

    private Tensor Floats(params long[] shape) => empty(shape, ScalarType.Float32, weight.device);
}
