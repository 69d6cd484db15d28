using System.Collections.Concurrent;
using System.Runtime.InteropServices;
using static TorchSharp.torch;

namespace MedSegDsl.Kernels.Cuda;

/// <summary>The passes of <see cref="SoftmaxLossPasses"/> on a GPU.</summary>
internal static class CudaSoftmaxLoss
{
    /// <summary>The most classes whose sums a thread holds in registers.</summary>
    public const int MostClasses = 40;

    private const int Threads = 256;

    // Chunks of a batch entry at most: a number that does not depend on the GPU, so that the order of sums does not either.
    private const int MostChunks = 512, LeastVoxels = 4;

    private static readonly ConcurrentDictionary<(CudaDevice Device, string Name, int Classes), Kernel> Compiled = new();

    /// <summary>The sums, (B, 3·C + 2).</summary>
    public static Tensor Sums(Tensor logits, Tensor target, long? ignored)
    {
        var (batch, classes, voxels) = (logits.shape[0], (int)logits.shape[1], logits.shape[2]);
        var chunk = Math.Max(Threads * LeastVoxels, (voxels + MostChunks - 1) / MostChunks);
        var chunks = (int)((voxels + chunk - 1) / chunk);
        var partial = empty([batch, chunks, 3 * classes + 2], ScalarType.Float32, logits.device);
        KernelFor("lossSums", logits).Launch(
            new Grid(chunks, batch), Threads, 0,
            Argument(logits, target, ignored) with { Partial = DeviceMemory.Address(partial), Chunk = chunk, Chunks = chunks });
        GC.KeepAlive((logits, target));
        return partial.sum([1L]);
    }

    /// <summary>The derivative, (B, C, voxels).</summary>
    public static Tensor Gradient(Tensor logits, Tensor target, long? ignored, Tensor? byIntersection, Tensor? byPrediction, Tensor? weight)
    {
        var gradient = empty(logits.shape, ScalarType.Float32, logits.device);
        KernelFor("lossGradient", logits).Launch(
            new Grid((logits.shape[2] + Threads - 1) / Threads, logits.shape[0]), Threads, 0,
            Argument(logits, target, ignored) with
            {
                ByIntersection = DeviceMemory.Address(byIntersection),
                ByPrediction = DeviceMemory.Address(byPrediction),
                Weight = DeviceMemory.Address(weight),
                Gradient = DeviceMemory.Address(gradient),
            });
        GC.KeepAlive((logits, target, byIntersection, byPrediction, weight));
        return gradient;
    }

    private static Kernel KernelFor(string name, Tensor logits) =>
        Compiled.GetOrAdd(
            (CudaDevice.Of(logits), name, (int)logits.shape[1]),
            static key => key.Device.Kernel("softmax_loss.cu", key.Name, [("CLASSES", key.Classes)]));

    private static SoftmaxLossArgument Argument(Tensor logits, Tensor target, long? ignored) => new()
    {
        Logits = DeviceMemory.Address(logits),
        Target = DeviceMemory.Address(target),
        Voxels = logits.shape[2],
        Ignored = ignored ?? 0,
        HasIgnored = ignored is null ? 0 : 1,
    };

    // SoftmaxLoss in softmax_loss.cu.
    [StructLayout(LayoutKind.Sequential)]
    private struct SoftmaxLossArgument
    {
        public nint Logits, Target, Partial, ByIntersection, ByPrediction, Weight, Gradient;
        public long Voxels, Chunk, Ignored;
        public int Chunks, HasIgnored;
    }
}
