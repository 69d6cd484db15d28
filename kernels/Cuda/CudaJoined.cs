using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using static TorchSharp.torch;

namespace MedSegDsl.Kernels.Cuda;

/// <summary><see cref="JoinedTensors"/> on a GPU.</summary>
internal static class CudaJoined
{
    private const int Threads = 256, PerBlock = 8192, Most = 200;

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

    // As many launches as there are tensors over what one's argument holds: a table in memory would have to be copied there, and a
    // copy waits for all work before it.
    private static void Launch(string name, IReadOnlyList<Tensor> tensors, Tensor vector)
    {
        var kernel = Compiled.GetOrAdd((CudaDevice.Of(vector), name), static key => key.Device.Kernel("joined.cu", key.Name, [("TYPE", 0)]));
        var start = 0L;
        foreach (var part in tensors.Chunk(Most))
        {
            var argument = new JoinedArgument { Vector = DeviceMemory.Address(vector), Count = part.Length };
            argument.Starts[0] = start;
            for (var i = 0; i < part.Length; i++)
            {
                argument.Tensors[i] = DeviceMemory.Address(part[i]);
                argument.Starts[i + 1] = start += part[i].numel();
            }
            kernel.Launch(new Grid((start - argument.Starts[0] + PerBlock - 1) / PerBlock), Threads, 0, argument);
        }
        GC.KeepAlive((tensors, vector));
    }

    // Joined in joined.cu.
    [StructLayout(LayoutKind.Sequential)]
    private struct JoinedArgument
    {
        public Addresses Tensors;
        public Places Starts;
        public nint Vector;
        public int Count, Padding;
    }

    [InlineArray(Most)]
    private struct Addresses
    {
        private nint first;
    }

    [InlineArray(Most + 1)]
    private struct Places
    {
        private long first;
    }
}
