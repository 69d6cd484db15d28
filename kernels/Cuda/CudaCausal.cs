using System.Collections.Concurrent;
using static TorchSharp.torch;

namespace MedSegDsl.Kernels.Cuda;

/// <summary>The causal convolution on a GPU: forward and backward passes of kernels.</summary>
internal sealed class CudaCausal
{
    private const int Chunk = 32, Warps = 4;

    private static readonly ConcurrentDictionary<(CudaDevice Device, int Size, int Type), (Kernel Convolve, Kernel Gradients)> Compiled = new();

    private readonly Tensor weight;
    private readonly PathArgument path;
    private readonly (Kernel Convolve, Kernel Gradients) kernels;
    private readonly int batch, channels, size, chunks;

    /// <summary>A convolution of tokens of a shape (B, L, C) with contiguous kernels (C, 1, k).</summary>
    public CudaCausal(long[] shape, Tensor weight, ScanPath path)
    {
        this.weight = weight;
        (batch, channels, size) = ((int)shape[0], (int)shape[2], (int)weight.shape[^1]);
        chunks = (int)((shape[1] + Chunk - 1) / Chunk);
        var device = CudaDevice.Of(weight);
        this.path = PathArgument.Of(path.WithoutShuffle(), device.Index);
        kernels = Compiled.GetOrAdd(
            (device, size, ElementTypes.Number(weight.dtype)),
            static key =>
            {
                (string, int)[] constants = [("K", key.Size), ("TYPE", key.Type)];
                return (key.Device.Kernel("causal.cu", "causalConvolve", constants), key.Device.Kernel("causal.cu", "causalKernelGradients", constants));
            });
    }

    private Grid Blocks => new((chunks + Warps - 1) / Warps, (channels + 31) / 32, batch);

    /// <summary>The convolution, with a bias in float32.</summary>
    public Tensor Forward(Tensor x, Tensor? bias) => Convolve(x, bias, path);

    /// <summary>The gradient of x: the convolution along the path from its end.</summary>
    public Tensor InputGradient(Tensor gradient) => Convolve(gradient, null, path.Reversed());

    /// <summary>The gradients of the weight (C, 1, k) and the bias, in float32.</summary>
    public (Tensor Weight, Tensor Bias) WeightGradients(Tensor x, Tensor gradient)
    {
        var partial = empty([(long)batch * chunks, size + 1, channels], ScalarType.Float32, x.device);
        kernels.Gradients.Launch(
            Blocks, 32 * Warps, 0, Argument(x, gradient, path) with { Partial = DeviceMemory.Address(partial) });
        GC.KeepAlive((x, gradient));
        var sums = partial.sum([0L]);
        return (sums.narrow(0, 0, size).t().unsqueeze(1), sums.select(0, size));
    }

    private Tensor Convolve(Tensor x, Tensor? bias, PathArgument along)
    {
        var y = empty(x.shape, x.dtype, x.device);
        kernels.Convolve.Launch(Blocks, 32 * Warps, 0, Argument(x, y, along) with { Bias = DeviceMemory.Address(bias) });
        GC.KeepAlive((x, bias, weight));
        return y;
    }

    private CausalArgument Argument(Tensor x, Tensor y, PathArgument along) => new()
    {
        X = RowsArgument.Of(x),
        Y = RowsArgument.Of(y),
        Weight = DeviceMemory.Address(weight),
        Path = along,
        Channels = channels,
        Chunks = chunks,
    };
}
