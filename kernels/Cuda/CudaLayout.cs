using System.Collections.Concurrent;
using System.Runtime.InteropServices;
using static TorchSharp.torch;

namespace MedSegDsl.Kernels.Cuda;

/// <summary>Channels from last to first and back on a GPU, of contiguous tensors (B, D, H, W, C) and (B, C, D, H, W).</summary>
internal static class CudaLayout
{
    /// <summary>The most channels of which a block holds a tile.</summary>
    public const int MostChannels = 256;

    private const int Threads = 256, NumbersOfBlock = 8192, LargestTile = 256;

    private static readonly ConcurrentDictionary<(CudaDevice Device, string Name, int Type, int Channels), (Kernel Kernel, int Tile)> Compiled = new();

    /// <summary>(B, D, H, W, C) of any type → (B, C, D, H, W) of float32.</summary>
    public static Tensor ChannelsFirst(Tensor last)
    {
        var shape = last.shape;
        var first = empty([shape[0], shape[4], shape[1], shape[2], shape[3]], ScalarType.Float32, last.device);
        Launch("channelsFirst", last, first);
        return first;
    }

    /// <summary>(B, C, D, H, W) of float32 → (B, D, H, W, C) of a type.</summary>
    public static Tensor ChannelsLast(Tensor first, ScalarType type)
    {
        var shape = first.shape;
        var last = empty([shape[0], shape[2], shape[3], shape[4], shape[1]], type, first.device);
        Launch("channelsLast", last, first);
        return last;
    }

    private static void Launch(string name, Tensor last, Tensor first)
    {
        var channels = (int)last.shape[4];
        var (kernel, tile) = Compiled.GetOrAdd(
            (CudaDevice.Of(last), name, ElementTypes.Number(last.dtype), channels),
            static key =>
            {
                var tile = Math.Min(LargestTile, NumbersOfBlock / key.Channels);
                return (key.Device.Kernel("layout.cu", key.Name, [("TYPE", key.Type), ("CHANNELS", key.Channels), ("TILE", tile)]), tile);
            });
        var voxels = last.numel() / (last.shape[0] * channels);
        kernel.Launch(
            new Grid((voxels + tile - 1) / tile, last.shape[0]), Threads, 0,
            new LayoutArgument { Last = DeviceMemory.Address(last), First = DeviceMemory.Address(first), Voxels = voxels });
        GC.KeepAlive((last, first));
    }

    // Layout in layout.cu.
    [StructLayout(LayoutKind.Sequential)]
    private struct LayoutArgument
    {
        public nint Last, First;
        public long Voxels;
    }
}
