using System.Collections.Concurrent;
using System.Runtime.InteropServices;
using static TorchSharp.torch;

namespace MedSegDsl.Kernels.Cuda;

/// <summary>Root-mean-square normalisation on a GPU: forward and backward passes of kernels, of contiguous tensors.</summary>
internal static class CudaRmsNorm
{
    /// <summary>The most channels that a warp holds in registers.</summary>
    public const int MostChannels = 1024;

    private const int Warps = 8;

    // Parts of the weight's gradient: a fixed number, so that the order of sums does not depend on the GPU.
    private const int Parts = 264;

    private static readonly ConcurrentDictionary<(CudaDevice Device, int Type, int PerLane), (Kernel Forward, Kernel Backward)> Compiled = new();

    /// <summary>The result, and 1 / √(mean(x²) + ε) of each token.</summary>
    public static (Tensor Y, Tensor Inverse) Forward(Tensor x, Tensor weight, double epsilon)
    {
        var rows = x.numel() / x.shape[^1];
        var (y, inverse) = (empty(x.shape, x.dtype, x.device), empty([rows], ScalarType.Float32, x.device));
        KernelsFor(x).Forward.Launch(
            new Grid((rows + Warps - 1) / Warps), 32 * Warps, 0, Argument(x, weight, y, inverse) with { Epsilon = (float)epsilon });
        GC.KeepAlive((x, weight));
        return (y, inverse);
    }

    /// <summary>The gradients of x, in its type, and of the weight, in float32.</summary>
    public static (Tensor X, Tensor Weight) Backward(Tensor x, Tensor weight, Tensor inverse, Tensor gradient)
    {
        var blocks = Math.Min(Parts, (inverse.numel() + Warps - 1) / Warps);
        var dx = empty(x.shape, x.dtype, x.device);
        var partial = empty([blocks, x.shape[^1]], ScalarType.Float32, x.device);
        KernelsFor(x).Backward.Launch(
            new Grid(blocks), 32 * Warps, 0,
            Argument(x, weight, dx, inverse) with
            {
                Gradient = DeviceMemory.Address(gradient),
                Partial = DeviceMemory.Address(partial),
            });
        GC.KeepAlive((x, weight, gradient));
        return (dx, partial.sum([0L]));
    }

    private static (Kernel Forward, Kernel Backward) KernelsFor(Tensor x) =>
        Compiled.GetOrAdd(
            (CudaDevice.Of(x), ElementTypes.Number(x.dtype), (int)(x.shape[^1] + 31) / 32),
            static key =>
            {
                (string, int)[] constants = [("TYPE", key.Type), ("PER", key.PerLane)];
                return (key.Device.Kernel("rms_norm.cu", "normalize", constants), key.Device.Kernel("rms_norm.cu", "normGradients", constants));
            });

    private static NormArgument Argument(Tensor x, Tensor weight, Tensor y, Tensor inverse) => new()
    {
        X = DeviceMemory.Address(x),
        Y = DeviceMemory.Address(y),
        Weight = DeviceMemory.Address(weight),
        Inverse = DeviceMemory.Address(inverse),
        Rows = inverse.numel(),
        Channels = (int)x.shape[^1],
    };

    // Norm in rms_norm.cu.
    [StructLayout(LayoutKind.Sequential)]
    private struct NormArgument
    {
        public nint X, Gradient, Y, Weight, Inverse, Partial;
        public long Rows;
        public int Channels;
        public float Epsilon;
    }
}
