using System.Runtime.InteropServices;
using static TorchSharp.torch;

namespace MedSegDsl.Kernels.Cuda;

/// <summary>A volume (B, D, H, W, C) with the channels side by side (<c>Volume</c> in depthwise.cuh).</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct VolumeArgument
{
    private nint data;
    private long batch, depth, height;
    private int width;
    private int padding;

    /// <summary>Elements between neighbours along the width.</summary>
    public readonly int Width => width;

    /// <summary>Whether two neighbouring channels of 16-bit numbers can be read together everywhere.</summary>
    public readonly bool HasPairs => (data % 4 | (batch | depth | height | (long)width) % 2) == 0;

    /// <summary>A volume of contiguous rows (D, H, W, C) at an address, its batch entries so many elements apart.</summary>
    public static VolumeArgument At(nint data, long batch, int height, int width, int voxel) => new()
    {
        data = data,
        batch = batch,
        depth = (long)height * width * voxel,
        height = (long)width * voxel,
        width = voxel,
    };

    /// <summary>A volume that <see cref="Readable"/> gave.</summary>
    public static VolumeArgument Of(Tensor tensor)
    {
        var strides = tensor.stride();
        return new VolumeArgument
        {
            data = DeviceMemory.Address(tensor),
            batch = strides[0],
            depth = strides[1],
            height = strides[2],
            width = (int)strides[3],
        };
    }

    /// <summary>The tensor itself where the kernels can read it, else a contiguous copy.</summary>
    public static Tensor Readable(Tensor tensor) =>
        (tensor.shape[^1] == 1 || tensor.stride()[^1] == 1) && tensor.stride()[3] is >= 0 and < int.MaxValue / 64 ? tensor : tensor.contiguous();
}

/// <summary>Arguments of the convolution's passes over the volume (<c>Convolution</c> in depthwise.cuh).</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct ConvolutionArgument
{
    public VolumeArgument X, Y;
    public long XOrder, YOrder;
    public nint Weight, Partial, Activated;
    public int Batch, Depth, Height, Width, Channels, Parts, Orders, Summed, Biased, Accumulated;
}

/// <summary>How a kernel lies in the volume (<c>KernelOrder</c> in depthwise.cuh).</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct KernelOrderArgument
{
    private int slow, middle, fast;
    private int flipped;

    /// <summary>The order of a path; a random one counts as forward.</summary>
    public static KernelOrderArgument Of(ScanPath path) =>
        new() { slow = path.Axes[0], middle = path.Axes[1], fast = path.Axes[2], flipped = path.IsReversed ? 1 : 0 };

    /// <summary>The same with the kernel flipped: what gives the gradient of the input.</summary>
    public readonly KernelOrderArgument Flipped() => this with { flipped = 1 - flipped };
}

/// <summary>Arguments of the packing (<c>Packing</c> in depthwise_weights.cu).</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct PackingArgument
{
    public PerOrder<nint> Weights, Biases;
    public PerOrder<KernelOrderArgument> Orders;
    public nint Packed;
    public int Channels, Count;
}

/// <summary>Arguments of the sums of partial gradients (<c>Unpacking</c> in depthwise_weights.cu).</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct UnpackingArgument
{
    public nint Partial, Weight, Bias;
    public PerOrder<KernelOrderArgument> Orders;
    public int Channels, Parts, Count, Padding;
}

/// <summary>Arguments of the causal convolution (<c>Causal</c> in causal.cu).</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct CausalArgument
{
    public RowsArgument X, Y;
    public nint Weight, Bias, Partial;
    public PathArgument Path;
    public int Channels, Chunks;
}
