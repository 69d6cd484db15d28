using MedSegDsl.Kernels;
using static TorchSharp.torch;

namespace MedSegDsl.Models;

/// <summary>
/// A depthwise convolution of kernel³ with same padding on a volume with channels last, (B, D, H, W, C) →
/// (B, D, H, W, C), as if the volume were permuted and flipped the way a scan reads it, convolved, and put back.
/// </summary>
public sealed class DepthwiseConvolution3d : Layer<(Tensor Volume, ScanPath Path), Tensor>
{
    /// <summary>A convolution with weight (C, 1, kernel, kernel, kernel) and bias (C).</summary>
    /// <param name="channels">Channels that come in and go out.</param>
    /// <param name="kernel">The kernel along each axis, odd.</param>
    /// <param name="weightStart">How the weight starts; He's normal where nothing is said, as the public code has it.</param>
    /// <param name="biasStart">How the bias starts; PyTorch's default where nothing is said.</param>
    public DepthwiseConvolution3d(int channels, int kernel, Start? weightStart = null, Start? biasStart = null)
        : base(nameof(DepthwiseConvolution3d))
    {
        long volume = (long)kernel * kernel * kernel;
        AddParameter("weight", weightStart ?? Start.HeFanOut(channels * volume), channels, 1, kernel, kernel, kernel);
        AddParameter("bias", biasStart ?? Start.InverseRoot(volume), channels);
    }

    /// <summary>A convolution that starts as PyTorch's do, uniform within ±1/√(kernel³).</summary>
    public static DepthwiseConvolution3d AsPyTorch(int channels, int kernel) =>
        new(channels, kernel, Start.InverseRoot((long)kernel * kernel * kernel));

    /// <summary>The kernels (C, 1, kernel, kernel, kernel).</summary>
    public Tensor Weight => Get("weight");

    /// <summary>The bias (C).</summary>
    public Tensor Bias => Get("bias");

    /// <inheritdoc />
    public override Tensor forward((Tensor Volume, ScanPath Path) input) =>
        DepthwiseConv3d.Apply(input.Volume, Get("weight", input.Volume), Get("bias", input.Volume), input.Path);

    /// <summary>The convolution of tokens as they lie, (B, D, H, W, C) → (B, D, H, W, C).</summary>
    public Tensor Convolve(Tensor tokens) =>
        call((tokens, ScanPath.Forward((int)tokens.shape[1], (int)tokens.shape[2], (int)tokens.shape[3])));
}
