using static TorchSharp.torch;

namespace MedSegDsl.Kernels;

/// <summary>The memory of a float32 CPU tensor (B, D, H, W, C), read through its strides; C is contiguous.</summary>
internal readonly unsafe struct Volume
{
    private readonly float* data;
    private readonly long batch, depth, height, width;

    /// <summary>The memory of a tensor. The caller keeps the tensor alive.</summary>
    public Volume(Tensor tensor)
    {
        var strides = tensor.stride();
        data = Rows.Data(tensor);
        batch = strides[0];
        depth = strides[1];
        height = strides[2];
        width = strides[3];
    }

    /// <summary>The first channel of a row's first voxel.</summary>
    public float* Row(int b, int d, int h) => data + b * batch + d * depth + h * height;

    /// <summary>Floats from a voxel of a row to the next.</summary>
    public long Step => width;
}
