using static TorchSharp.torch;

namespace MedSegDsl.Models;

/// <summary>
/// LN and a transposed convolution of kernel and stride 2: tokens (B, D, H, W, 2·C) → (B, 2·D, 2·H, 2·W, C) (nnFormer,
/// Patch_Expanding).
/// </summary>
public sealed class PatchExpanding : Layer<Tensor, Tensor>
{
    private const double NormEpsilon = 1e-5;

    private readonly LayerNorm norm;
    private readonly TransposedConvolution convolution;

    /// <summary>An expanding to so many channels.</summary>
    public PatchExpanding(int channels) : base(nameof(PatchExpanding))
    {
        norm = Add("norm", new LayerNorm(2 * channels, NormEpsilon));
        convolution = Add("up", new TransposedConvolution(2 * channels, channels, new Size3(2, 2, 2)));
    }

    /// <inheritdoc />
    public override Tensor forward(Tensor tokens)
    {
        using var scope = NewDisposeScope();
        return Axes.ToTokens(convolution.call(Axes.ToVolume(norm.call(tokens)))).MoveToOuterDisposeScope();
    }
}
