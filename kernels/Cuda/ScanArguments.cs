using System.Runtime.InteropServices;
using static TorchSharp.torch;

namespace MedSegDsl.Kernels.Cuda;

/// <summary>A tensor (entries, rows, channels) with the channels side by side (<c>Rows</c> in scan.cuh).</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct RowsArgument
{
    private nint data;
    private long batch;
    private int row;
    private int entries;

    /// <summary>The rows of a tensor (B, S, L, C) or (B, L, C) that <see cref="AreReadable"/>.</summary>
    public static RowsArgument Of(Tensor? tensor)
    {
        if (tensor is null)
        {
            return new RowsArgument { entries = 1 };
        }
        var strides = tensor.stride();
        return new RowsArgument { data = DeviceMemory.Address(tensor), batch = strides[0], row = (int)strides[^2], entries = (int)tensor.shape[0] };
    }

    /// <summary>The tensor itself where the kernels can read it, else a contiguous copy.</summary>
    public static Tensor Readable(Tensor tensor) => AreReadable(tensor) ? tensor : tensor.contiguous();

    // Channels side by side, rows at equal distances through all segments, distances in bytes that fit 31 bits.
    private static bool AreReadable(Tensor tensor)
    {
        var (shape, strides) = (tensor.shape, tensor.stride());
        return (shape[^1] == 1 || strides[^1] == 1)
            && strides[^2] is >= 0 and < int.MaxValue / 4
            && (shape.Length == 3 || shape[1] == 1 || strides[1] == shape[2] * strides[2]);
    }
}

/// <summary>Arguments of the scan's walks (<c>Scan</c> in scan.cuh).</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct ScanArgument
{
    public RowsArgument U, Delta, B, C, Z, Y;
    public nint A, Skip, Bias, States, Elapsed;
    public PerOrder<PathArgument> Paths;
    public int Batches, Segments, Channels, Chunk, Chunks, Joined;
}

/// <summary>Arguments of the carry (<c>Carry</c> in scan_carry.cu).</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct CarryArgument
{
    public nint A, States, Elapsed;
    public int Channels, Chunks, Reversed;
}

/// <summary>Arguments of the backward pass's first walk (<c>Adjoint</c> in scan_adjoint.cu).</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct AdjointArgument
{
    public ScanArgument Scan;
    public nint Tiles;
    public long TileCount;
    public nint Adjoint;
}

/// <summary>Arguments of the backward pass's second walk (<c>Gradients</c> in scan_gradients.cu).</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct GradientsArgument
{
    public ScanArgument Scan;
    public nint Tiles;
    public long TileCount;
    public nint Adjoint;
    public RowsArgument Du, Ddelta, Dz;
    public nint Weights, Parameters;
    public int Share, Padding;
}
