using static TorchSharp.torch;

namespace MedSegDsl.Models;

/// <summary>
/// GELU, LN, and a convolution of kernel 3 and stride 2: tokens (B, D, H, W, C) → (B, D/2, H/2, W/2, 2·C) (nnFormer,
/// PatchMerging).
/// </summary>
public sealed class ConvolutionMerging : Layer<Tensor, Tensor>
{
    private const double NormEpsilon = 1e-5;

    private readonly Convolution reduction;
    private readonly LayerNorm norm;

    /// <summary>A merging of so many channels.</summary>
    public ConvolutionMerging(int channels) : base(nameof(ConvolutionMerging))
    {
        reduction = Add("reduction", Convolution.AsPyTorch(channels, 2 * channels, 3, stride: 2, bias: true));
        norm = Add("norm", new LayerNorm(channels, NormEpsilon));
    }

    /// <inheritdoc />
    public override Tensor forward(Tensor tokens)
    {
        using var scope = NewDisposeScope();
        var normed = norm.call(nn.functional.gelu(tokens));
        return Axes.ToTokens(reduction.call(Axes.ToVolume(normed))).MoveToOuterDisposeScope();
    }
}
