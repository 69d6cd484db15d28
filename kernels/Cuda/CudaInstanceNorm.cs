using System.Collections.Concurrent;
using System.Numerics;
using System.Runtime.InteropServices;
using static TorchSharp.torch;

namespace MedSegDsl.Kernels.Cuda;

/// <summary>The operator <see cref="InstanceNormalization"/> on a GPU: forward and backward passes of kernels.</summary>
/// <param name="volume">(B, C, D, H, W), in any layout.</param>
/// <param name="weight">(C) or null for 1.</param>
/// <param name="bias">(C) or null for 0.</param>
/// <param name="added">(B, C, D, H, W) or null.</param>
/// <param name="epsilon">ε.</param>
/// <param name="slope">The slope of what is negative.</param>
internal sealed class CudaInstanceNorm(Tensor volume, Tensor? weight, Tensor? bias, Tensor? added, double epsilon, double slope)
{
    private const int Threads = 256, SumThreads = 256, MostLanes = 32, BytesOfThread = 16;

    // Chunks of a batch entry at most, and voxels of a thread in one at least: numbers that do not depend on the GPU, so that the
    // order of sums does not either.
    private const int MostChunks = 512, LeastVoxels = 16;

    private static readonly ConcurrentDictionary<(CudaDevice Device, string Name, int Type, int Vector, int Lanes, bool Added), Kernel> Compiled = new();

    private readonly Tensor x = Readable(volume);
    private readonly Tensor? summand = added is null ? null : Readable(added);
    private readonly Tensor? scale = ElementTypes.Parameter(weight), shift = ElementTypes.Parameter(bias);
    private readonly long voxels = volume.shape[2] * volume.shape[3] * volume.shape[4];
    private readonly int batch = (int)volume.shape[0], channels = (int)volume.shape[1];

    /// <summary>The result (B, C, D, H, W), channels last in memory, and each entry's means and inverse deviations (B, 2, C).</summary>
    public (Tensor Y, Tensor Statistics) Forward()
    {
        var y = Like(x);
        var statistics = Floats(batch, 2, channels);
        var cut = CutFor(summand);
        var partial = Floats(batch, cut.Chunks, 2, channels);
        var argument = Argument(cut, statistics, partial) with { Y = VoxelsArgument.Of(y) };
        Launch("instanceSums", cut, argument);
        Kernel("instanceStatistics", cut).Launch(new Grid((channels + 31) / 32, batch), SumThreads, 0, argument);
        Launch("instanceNormalize", cut, argument);
        GC.KeepAlive((x, summand, scale, shift, partial));
        return (Volume(y), statistics);
    }

    /// <summary>The gradients of everything, those of parameters in float32.</summary>
    /// <param name="statistics">What the forward pass gave.</param>
    /// <param name="gradient">Of the result: (B, C, D, H, W), in any layout.</param>
    public (Tensor Volume, Tensor Weight, Tensor Bias, Tensor? Added) Backward(Tensor statistics, Tensor gradient)
    {
        var dy = Readable(gradient);
        var (dx, dAdded) = (Like(x), summand is null ? null : Like(x));
        var cut = CutFor(summand, dy);
        var (partial, means, parameters) = (Floats(batch, cut.Chunks, 2, channels), Floats(batch, 2, channels), Floats(2, channels));
        var argument = Argument(cut, statistics, partial) with
        {
            Y = VoxelsArgument.Of(dy),
            Dx = VoxelsArgument.Of(dx),
            DAdded = VoxelsArgument.Of(dAdded),
            Means = DeviceMemory.Address(means),
            Parameters = DeviceMemory.Address(parameters),
        };
        Launch("instanceGradientSums", cut, argument);
        Kernel("instanceGradientMeans", cut).Launch(new Grid((channels + 31) / 32), SumThreads, 0, argument);
        Launch("instanceGradients", cut, argument);
        GC.KeepAlive((x, summand, scale, shift, dy, statistics, partial, means));
        return (Volume(dx), parameters[0], parameters[1], dAdded is null ? null : Volume(dAdded));
    }

    // How the voxels and channels are shared out.
    private readonly record struct Cut(int Vector, int Lanes, int Tiles, long Chunk, int Chunks);

    private Cut CutFor(params ReadOnlySpan<Tensor?> others)
    {
        var vector = BytesOfThread / (int)x.element_size();
        var areAligned = channels % vector == 0 && VoxelsArgument.Of(x).Takes(vector, x.element_size());
        foreach (var other in others)
        {
            areAligned &= other is null || VoxelsArgument.Of(other).Takes(vector, x.element_size());
        }
        vector = areAligned ? vector : 1;
        var columns = channels / vector;
        var lanes = (int)Math.Min(BitOperations.RoundUpToPowerOf2((uint)columns), MostLanes);
        var least = (long)(Threads / lanes) * LeastVoxels;
        var chunk = Math.Max(least, (voxels + MostChunks - 1) / MostChunks);
        return new Cut(vector, lanes, (columns + lanes - 1) / lanes, chunk, (int)((voxels + chunk - 1) / chunk));
    }

    private void Launch(string name, Cut cut, InstanceNormArgument argument) =>
        Kernel(name, cut).Launch(new Grid(cut.Chunks, cut.Tiles, batch), Threads, 0, argument);

    private Kernel Kernel(string name, Cut cut) =>
        Compiled.GetOrAdd(
            (CudaDevice.Of(x), name, ElementTypes.Number(x.dtype), cut.Vector, cut.Lanes, summand is not null),
            static key => key.Device.Kernel(
                "instance_norm.cu", key.Name,
                [("TYPE", key.Type), ("VECTOR", key.Vector), ("LANES", key.Lanes), ("ADDED", key.Added ? 1 : 0)]));

    private InstanceNormArgument Argument(Cut cut, Tensor statistics, Tensor partial) => new()
    {
        X = VoxelsArgument.Of(x),
        Added = VoxelsArgument.Of(summand),
        Weight = DeviceMemory.Address(scale),
        Bias = DeviceMemory.Address(shift),
        Statistics = DeviceMemory.Address(statistics),
        Partial = DeviceMemory.Address(partial),
        Voxels = voxels,
        Chunk = cut.Chunk,
        Channels = channels,
        Batches = batch,
        Chunks = cut.Chunks,
        Epsilon = (float)epsilon,
        Slope = (float)slope,
    };

    private static Tensor Readable(Tensor volume) => VoxelsArgument.Readable(volume.permute(0, 2, 3, 4, 1));

    private static Tensor Volume(Tensor tokens) => tokens.permute(0, 4, 1, 2, 3);

    private static Tensor Like(Tensor tokens) => empty(tokens.shape, tokens.dtype, tokens.device);

    private Tensor Floats(params long[] shape) => empty(shape, ScalarType.Float32, x.device);

    // InstanceNorm in instance_norm.cu.
    [StructLayout(LayoutKind.Sequential)]
    private struct InstanceNormArgument
    {
        public VoxelsArgument X, Added, Y, Dx, DAdded;
        public nint Weight, Bias, Statistics, Partial, Means, Parameters;
        public long Voxels, Chunk;
        public int Channels, Batches, Chunks;
        public float Epsilon, Slope;
        public int Padding;
    }
}
