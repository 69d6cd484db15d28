using System.Collections.Concurrent;
using static TorchSharp.torch;

namespace MedSegDsl.Kernels.Cuda;

/// <summary>What lies between the convolutions, products and scans of a mixer, for one device and type.</summary>
internal sealed class MixingKernels
{
    private const int Threads = 256, BytesOfThread = 16;

    private static readonly ConcurrentDictionary<(CudaDevice Device, int Type), MixingKernels> Compiled = new();

    private readonly Kernel siluGradient, padWeights, sumOfScalars, sumOfFloats, sumOfScalarsTogether, sumOfFloatsTogether;

    private MixingKernels(CudaDevice device, int type)
    {
        Kernel Load(string name) => device.Kernel("mixing.cu", name, [("TYPE", type)]);

        siluGradient = Load("siluGradient");
        padWeights = Load("padWeights");
        sumOfScalars = Load("sumOfScalars");
        sumOfFloats = Load("sumOfFloats");
        sumOfScalarsTogether = Load("sumOfScalarsTogether");
        sumOfFloatsTogether = Load("sumOfFloatsTogether");
    }

    /// <summary>The kernels for a tensor's device and type, compiled at first use.</summary>
    public static MixingKernels For(Tensor tensor) =>
        Compiled.GetOrAdd((CudaDevice.Of(tensor), ElementTypes.Number(tensor.dtype)), static key => new MixingKernels(key.Device, key.Type));

    /// <summary>Turns the gradient of SiLU's result into that of x, in place. Both are contiguous.</summary>
    public void SiluGradient(Tensor x, Tensor gradient)
    {
        var count = x.numel();
        var perThread = BytesOfThread / x.element_size();
        siluGradient.Launch(
            new Grid((count + Threads * perThread - 1) / (Threads * perThread)), Threads, 0,
            new SiluGradientArgument { X = DeviceMemory.Address(x), Gradient = DeviceMemory.Address(gradient), Count = count });
        GC.KeepAlive((x, gradient));
    }

    /// <summary>
    /// The projection (R + 2·N, C) and the time step's weights (C, R) in a type, the rank R filled up with zeros to
    /// <paramref name="padded"/>: (padded + 2·N, C) and (C, padded). Both are contiguous float32.
    /// </summary>
    public (Tensor Projection, Tensor TimeStep) Padded(Tensor projection, Tensor timeStep, int padded, ScalarType type)
    {
        var (channels, rank) = ((int)timeStep.shape[0], (int)timeStep.shape[1]);
        var weights = (int)projection.shape[0] - rank;
        var wideProjection = empty([padded + weights, channels], type, projection.device);
        var wideTimeStep = empty([channels, padded], type, projection.device);
        padWeights.Launch(
            new Grid(((2L * padded + weights) * channels + Threads - 1) / Threads), Threads, 0,
            new PaddingArgument
            {
                Projection = DeviceMemory.Address(projection),
                TimeStep = DeviceMemory.Address(timeStep),
                WideProjection = DeviceMemory.Address(wideProjection),
                WideTimeStep = DeviceMemory.Address(wideTimeStep),
                Rank = rank,
                Padded = padded,
                Weights = weights,
                Channels = channels,
            });
        GC.KeepAlive((projection, timeStep));
        return (wideProjection, wideTimeStep);
    }

    /// <summary>
    /// Sums contiguous parts (orders, B, segments, rows, C) over orders and segments into <paramref name="sum"/>, (B, rows, C) with
    /// any strides of batch and rows. Parts in float32 or in the sum's type.
    /// </summary>
    public void Sum(Tensor parts, int orders, int segments, Tensor sum, double scale)
    {
        var (shape, strides) = (sum.shape, sum.stride());
        var together = BytesOfThread / sum.element_size();
        var areTogether = (shape[2] | strides[0] | strides[1]) % together == 0
            && (DeviceMemory.Address(parts) | DeviceMemory.Address(sum)) % BytesOfThread == 0;
        var perThread = areTogether ? together : 1;
        var kernel = (parts.dtype == sum.dtype, areTogether) switch
        {
            (true, true) => sumOfScalarsTogether,
            (true, false) => sumOfScalars,
            (false, true) => sumOfFloatsTogether,
            (false, false) => sumOfFloats,
        };
        kernel.Launch(
            new Grid((shape[1] * shape[2] + Threads * perThread - 1) / (Threads * perThread), shape[0]), Threads, 0,
            new PartSumArgument
            {
                Parts = DeviceMemory.Address(parts),
                Sum = DeviceMemory.Address(sum),
                Batch = strides[0],
                Row = strides[1],
                Rows = shape[1],
                Orders = orders,
                Batches = (int)shape[0],
                Segments = segments,
                Channels = (int)shape[2],
                Scale = (float)scale,
            });
        GC.KeepAlive((parts, sum));
    }
}
