using static TorchSharp.torch;

namespace MedSegDsl.Models;

/// <summary>
/// A strided convolution of kernel 3, GELU, LN, and one that keeps the resolution, in a closed pair with GELU and LN
/// again: (B, C, D, H, W) → (B, outputs, D/s, H/s, W/s) (nnFormer, project).
/// </summary>
public sealed class ConvolutionPair : Layer<Tensor, Tensor>
{
    private const int Kernel = 3;
    private const double NormEpsilon = 1e-5;

    private readonly Convolution first;
    private readonly Convolution second;
    private readonly LayerNorm firstNorm;
    private readonly LayerNorm? secondNorm;

    /// <summary>A pair from so many channels to so many.</summary>
    public ConvolutionPair(int inputs, int outputs, Size3 stride, bool closed) : base(nameof(ConvolutionPair))
    {
        first = Add("conv1", Convolution.AsPyTorch(inputs, outputs, Kernel, stride, bias: true));
        second = Add("conv2", Convolution.AsPyTorch(outputs, outputs, Kernel, 1, bias: true));
        firstNorm = Add("norm1", new LayerNorm(outputs, NormEpsilon));
        secondNorm = closed ? Add("norm2", new LayerNorm(outputs, NormEpsilon)) : null;
    }

    /// <inheritdoc />
    public override Tensor forward(Tensor volume)
    {
        using var scope = NewDisposeScope();
        var kept = second.call(Activate(firstNorm, first.call(volume)));
        return (secondNorm is null ? kept : Activate(secondNorm, kept)).MoveToOuterDisposeScope();
    }

    private static Tensor Activate(LayerNorm norm, Tensor volume) =>
        Axes.ToVolume(norm.call(Axes.ToTokens(nn.functional.gelu(volume))));
}
