using MedSegDsl.Kernels.Cuda;
using static TorchSharp.torch;

namespace MedSegDsl.Kernels;

/// <summary>The depthwise 3D convolution of the 3D Mamba mixers, on volumes with the channels last.</summary>
public static class DepthwiseConv3d
{
    /// <summary>
    /// Convolves each channel with its own kernel, with zero padding to the same size. The result is as if the volume had been
    /// permuted and flipped as the path reads it, convolved, and put back; only the kernel is permuted and flipped. A
    /// random path counts as forward. Differentiable in every tensor.
    /// </summary>
    /// <param name="x">Volume (B, D, H, W, C), possibly a strided slice.</param>
    /// <param name="weight">Kernels (C, 1, k, k, k), k odd.</param>
    /// <param name="bias">Bias (C), or null for none.</param>
    /// <param name="path">The reading order, for a volume of x's size.</param>
    /// <returns>(B, D, H, W, C).</returns>
    /// <exception cref="ArgumentException">Shapes that do not fit each other or the path; the message names the argument.</exception>
    public static Tensor Apply(Tensor x, Tensor weight, Tensor? bias, ScanPath path)
    {
        Check(x, weight, bias, path);
        return CustomBackward.IsForCpu(x, weight, bias)
            ? DepthwiseFunction.Convolve(x, weight, bias, path)
            : ElementTypes.AreSupported(x, weight, bias)
            ? CudaDepthwiseFunction.Convolve(x, weight, bias, path)
            : WithTensorOperations(x, weight, bias, path);
    }

    /// <summary>The same with libtorch's convolution: any type, which x has and the result gets, and any device; what the other versions are tested and timed against.</summary>
    public static Tensor WithTensorOperations(Tensor x, Tensor weight, Tensor? bias, ScanPath path)
    {
        using var scope = NewDisposeScope();
        var half = weight.shape[2] / 2;
        var kernel = KernelOnVolume(weight.to(x.dtype), path);
        var channelsFirst = x.permute(0, 4, 1, 2, 3);
        return nn.functional.conv3d(channelsFirst, kernel, bias?.to(x.dtype), strides: [1, 1, 1], padding: [half, half, half], groups: weight.shape[0])
            .permute(0, 2, 3, 4, 1)
            .MoveToOuterDisposeScope();
    }

    // The kernel's axis i runs along the volume's axis path.Axes[i].
    private static Tensor KernelOnVolume(Tensor weight, ScanPath path)
    {
        var axes = path.WithoutShuffle().Axes.ToList();
        var kernel = weight.permute(0, 1, 2 + axes.IndexOf(0), 2 + axes.IndexOf(1), 2 + axes.IndexOf(2));
        return path.IsReversed ? kernel.flip(2, 3, 4) : kernel;
    }

    private static void Check(Tensor x, Tensor weight, Tensor? bias, ScanPath path)
    {
        var sizes = path.Sizes;
        Shapes.Require(
            x.shape.Length == 5 && x.shape[1] == sizes[0] && x.shape[2] == sizes[1] && x.shape[3] == sizes[2],
            nameof(x), x, $"(B, {sizes[0]}, {sizes[1]}, {sizes[2]}, C)");
        var (channels, k) = (x.shape[4], weight.shape[^1]);
        Shapes.Require(k % 2 == 1, nameof(weight), weight, $"({channels}, 1, k, k, k) with k odd");
        Shapes.Require(weight, nameof(weight), [channels, 1, k, k, k]);
        Shapes.Require(bias, nameof(bias), [channels]);
    }
}
