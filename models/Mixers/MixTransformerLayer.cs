using static TorchSharp.torch;

namespace MedSegDsl.Models;

/// <summary>
/// SegFormer's layer: x + attention(LN(x)), then x + Mix-FFN(LN(x)); tokens (B, D, H, W, C) → (B, D, H, W, C).
/// </summary>
public sealed class MixTransformerLayer : TokenLayer
{
    private const double NormEpsilon = 1e-5;

    private readonly LayerNorm attentionNorm;
    private readonly SpatialReductionAttention attention;
    private readonly LayerNorm feedForwardNorm;
    private readonly MixFeedForward feedForward;

    /// <summary>A layer over so many channels.</summary>
    public MixTransformerLayer(int channels, MixTransformerMixer mixer, Network network) : base(nameof(MixTransformerLayer))
    {
        attentionNorm = Add("norm1", new LayerNorm(channels, NormEpsilon));
        attention = Add("attention", new SpatialReductionAttention(channels, mixer));
        feedForwardNorm = Add("norm2", new LayerNorm(channels, NormEpsilon));
        feedForward = Add("mlp", new MixFeedForward(channels, mixer, network));
    }

    /// <inheritdoc />
    public override Tensor forward(Tensor tokens)
    {
        using var scope = NewDisposeScope();
        var attended = tokens + attention.call(attentionNorm.call(tokens));
        return (attended + feedForward.call(feedForwardNorm.call(attended))).MoveToOuterDisposeScope();
    }
}
