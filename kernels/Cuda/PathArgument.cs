using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using TorchSharp;
using static TorchSharp.torch;

namespace MedSegDsl.Kernels.Cuda;

/// <summary>A path as the kernels read it (<c>Path</c> in path.cuh): sizes and strides, or a table for a random one.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct PathArgument
{
    private static readonly ConditionalWeakTable<ScanPath, ConcurrentDictionary<int, Tensor>> Tables = [];

    private nint order;
    private int length;
    private int reversed;
    private int middle;
    private int fast;
    private int slowStride;
    private int middleStride;
    private int fastStride;

    /// <summary>The path for kernels on a device.</summary>
    public static PathArgument Of(ScanPath path, int device)
    {
        int[] strides = [path.Sizes[1] * path.Sizes[2], path.Sizes[2], 1];
        return new PathArgument
        {
            order = path.IsRandom ? DeviceMemory.Address(Table(path, device)) : 0,
            length = path.Length,
            reversed = path.IsReversed ? 1 : 0,
            middle = path.Sizes[path.Axes[1]],
            fast = path.Sizes[path.Axes[2]],
            slowStride = strides[path.Axes[0]],
            middleStride = strides[path.Axes[1]],
            fastStride = strides[path.Axes[2]],
        };
    }

    // A random path's table is copied to a device once and lives as long as the path.
    private static Tensor Table(ScanPath path, int device) =>
        Tables.GetOrCreateValue(path).GetOrAdd(
            device, static (index, path) =>
            {
                using var scope = NewDisposeScope();
                return torch.tensor(path.Order.ToArray(), device: new Device(DeviceType.CUDA, index)).DetachFromDisposeScope();
            },
            path);
}
