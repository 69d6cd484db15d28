using System.Runtime.InteropServices;
using static TorchSharp.torch;

namespace MedSegDsl.Kernels.Cuda;

/// <summary>A volume (B, voxels, C) with the channels side by side and voxels at equal distances (<c>Voxels</c> in instance_norm.cu).</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct VoxelsArgument
{
    private nint data;
    private long batch;
    private int row;
    private int padding;

    /// <summary>The voxels of a tensor (B, D, H, W, C) that <see cref="Readable"/> gave; none for no tensor.</summary>
    public static VoxelsArgument Of(Tensor? tokens)
    {
        if (tokens is null)
        {
            return default;
        }
        var (shape, strides) = (tokens.shape, tokens.stride());
        return new VoxelsArgument { data = DeviceMemory.Address(tokens), batch = strides[0], row = (int)RowOf(shape, strides) };
    }

    /// <summary>The tensor (B, D, H, W, C) itself where the kernels can read it, else a contiguous copy.</summary>
    public static Tensor Readable(Tensor tokens)
    {
        var (shape, strides) = (tokens.shape, tokens.stride());
        var row = RowOf(shape, strides);
        var distance = row;
        var areEven = shape[4] == 1 || strides[4] == 1;
        for (var axis = 3; axis > 0; axis--)
        {
            areEven &= shape[axis] == 1 || strides[axis] == distance;
            distance *= shape[axis];
        }
        return areEven && row < int.MaxValue ? tokens : tokens.contiguous();
    }

    /// <summary>Whether so many channels at a time, a power of two, can be read together: places and distances are multiples of it.</summary>
    public readonly bool Takes(int vector, long elementSize) =>
        data % (nint)(vector * elementSize) == 0 && batch % vector == 0 && row % vector == 0;

    // The distance between voxels: the stride of the last axis that has several.
    private static long RowOf(long[] shape, long[] strides)
    {
        for (var axis = 3; axis > 0; axis--)
        {
            if (shape[axis] > 1)
            {
                return strides[axis];
            }
        }
        return shape[4];
    }
}
