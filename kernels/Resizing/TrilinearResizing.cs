using MedSegDsl.Kernels.Cuda;
using static TorchSharp.torch;

namespace MedSegDsl.Kernels;

/// <summary>
/// Trilinear interpolation, corners not aligned. On a GPU a kernel that reads channels last and sums gradients in a fixed order;
/// libtorch's takes channels first and sums them in whatever order they come.
/// </summary>
public static class TrilinearResizing
{
    /// <summary>Resizes. Differentiable. Computed in at least float32, whatever comes in.</summary>
    /// <param name="volume">(B, C, D, H, W).</param>
    /// <param name="size">(D', H', W').</param>
    /// <returns>(B, C, D', H', W') of the same type; on a GPU with the channels last in memory.</returns>
    public static Tensor Apply(Tensor volume, long[] size) =>
        ElementTypes.AreSupported(volume)
            ? CudaTrilinearFunction.Resize(volume, size)
            : nn.functional.interpolate(volume, size, mode: InterpolationMode.Trilinear, align_corners: false);
}
