using System.Collections.Concurrent;

namespace MedSegDsl.Kernels.Cuda;

/// <summary>The depthwise convolution's kernels for one device, kernel size and type, compiled at first use.</summary>
internal sealed class DepthwiseKernels
{
    /// <summary>The largest kernel that the tiled passes take.</summary>
    public const int LargestTiled = 7;

    private static readonly ConcurrentDictionary<(CudaDevice, int Size, int Type), DepthwiseKernels> Compiled = new();

    private readonly CudaDevice device;
    private readonly int size, type;
    private readonly ConcurrentDictionary<(string Name, DepthwiseTiling Tiling, int Channels, int X, int Y, bool ExactHeight, bool ExactWidth), Kernel> passes = new();

    private DepthwiseKernels(CudaDevice device, int size, int type)
    {
        this.device = device;
        this.size = size;
        this.type = type;
        Pack = device.Kernel("depthwise_weights.cu", "packKernels", Constants);
        Sum = device.Kernel("depthwise_weights.cu", "sumKernelGradients", Constants);
    }

    /// <summary>Weights into the passes' layout.</summary>
    public Kernel Pack { get; }

    /// <summary>Partial gradients of the weights into one.</summary>
    public Kernel Sum { get; }

    private IEnumerable<(string, int)> Constants => [("K", size), ("TYPE", type)];

    /// <summary>The kernels for a device, kernel size and type.</summary>
    public static DepthwiseKernels For(CudaDevice device, int size, int type) =>
        Compiled.GetOrAdd((device, size, type), static key => new DepthwiseKernels(key.Item1, key.Size, key.Type));

    /// <summary>A pass over the volume, <c>convolve</c> or <c>kernelGradients</c>.</summary>
    public Kernel Pass(string name, DepthwiseTiling tiling, in ConvolutionArgument argument) =>
        size > LargestTiled
            ? passes.GetOrAdd((name, default, 0, 0, 0, false, false), key => device.Kernel("depthwise_plain.cu", key.Name, Constants))
            : passes.GetOrAdd(
                (name, tiling, argument.Channels, argument.X.Width, argument.Y.Width,
                    argument.Height % tiling.Height == 0, argument.Width % tiling.Width == 0),
                key => device.Kernel(
                    "depthwise_tiled.cu", key.Name,
                    [
                        .. Constants, ("TILE_H", key.Tiling.Height), ("TILE_W", key.Tiling.Width), ("PER", key.Tiling.PerLane),
                        ("LANES", key.Tiling.Lanes), ("ROWS", key.Tiling.Rows), ("BLOCKS", key.Tiling.Blocks), ("CHANNELS", key.Channels),
                        ("X_STRIDE", key.X), ("Y_STRIDE", key.Y),
                        ("EXACT_H", key.ExactHeight ? 1 : 0), ("EXACT_W", key.ExactWidth ? 1 : 0),
                    ]));
}
