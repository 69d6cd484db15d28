using System.Collections.Concurrent;
using System.Runtime.InteropServices;
using static TorchSharp.torch;

namespace MedSegDsl.Kernels.Cuda;

/// <summary><see cref="JoinedTensors"/> on a GPU.</summary>
internal static class CudaJoined
{
    private const int Threads = 256, PerBlock = 8192;

    private static readonly ConcurrentDictionary<(CudaDevice Device, string Name), Kernel> Compiled = new();

    /// <summary>Copies float32 tensors into a vector.</summary>
    public static Tensor Join(IReadOnlyList<Tensor> tensors)
    {
        using var scope = NewDisposeScope();
        var readable = tensors.Select(tensor => tensor.is_contiguous() ? tensor : tensor.contiguous()).ToArray();
        var vector = empty([readable.Sum(tensor => tensor.numel())], ScalarType.Float32, readable[0].device);
        Launch("joinTensors", readable, vector);
        return vector.MoveToOuterDisposeScope();
    }

    /// <summary>Adds a contiguous vector's parts to contiguous float32 tensors.</summary>
    public static void Add(Tensor vector, IReadOnlyList<Tensor> tensors) => Launch("addToTensors", tensors, vector);

    private static void Launch(string name, IReadOnlyList<Tensor> tensors, Tensor vector)
    {
        using var scope = NewDisposeScope();
        var entries = new long[2 * tensors.Count + 1];
        for (var i = 0; i < tensors.Count; i++)
        {
            entries[i] = DeviceMemory.Address(tensors[i]);
            entries[tensors.Count + i + 1] = entries[tensors.Count + i] + tensors[i].numel();
        }
        var size = entries[^1];
        using var table = tensor(entries, device: vector.device);
        Compiled.GetOrAdd((CudaDevice.Of(vector), name), static key => key.Device.Kernel("joined.cu", key.Name, [("TYPE", 0)])).Launch(
            new Grid((size + PerBlock - 1) / PerBlock), Threads, 0,
            new JoinedArgument
            {
                Table = DeviceMemory.Address(table),
                Vector = DeviceMemory.Address(vector),
                Size = size,
                Count = tensors.Count,
            });
        GC.KeepAlive((tensors, vector));
    }

    // Joined in joined.cu.
    [StructLayout(LayoutKind.Sequential)]
    private struct JoinedArgument
    {
        public nint Table, Vector;
        public long Size;
        public int Count, Padding;
    }
}
