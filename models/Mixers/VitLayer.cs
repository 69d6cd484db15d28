using static TorchSharp.torch;

namespace MedSegDsl.Models;

/// <summary>
/// x + attention(LN(x)), then x + feed-forward(LN(x)), attention between all tokens of the volume: (B, D, H, W, C) →
/// (B, D, H, W, C) (Vision Transformer, Dosovitskiy et al. 2021; MONAI, TransformerBlock).
/// </summary>
public sealed class VitLayer : TokenLayer
{
    private const double NormEpsilon = 1e-5;

    private readonly LayerNorm attentionNorm;
    private readonly VitAttention attention;
    private readonly LayerNorm feedForwardNorm;
    private readonly FeedForward feedForward;

    /// <summary>A layer over so many channels.</summary>
    public VitLayer(int channels, VitMixer mixer) : base(nameof(VitLayer))
    {
        feedForward = Add("mlp", new FeedForward(channels, mixer.FeedForwardRatio, mixer.Dropout));
        attentionNorm = Add("norm1", new LayerNorm(channels, NormEpsilon));
        attention = Add("attn", new VitAttention(channels, mixer));
        feedForwardNorm = Add("norm2", new LayerNorm(channels, NormEpsilon));
        if (mixer.UnusedCrossAttention)
        {
            Add("norm_cross_attn", new LayerNorm(channels, NormEpsilon));
            Add("cross_attn", new UnusedCrossAttention(channels, mixer.QkvBias));
        }
    }

    /// <inheritdoc />
    public override Tensor forward(Tensor tokens)
    {
        using var scope = NewDisposeScope();
        var attended = tokens + attention.call(attentionNorm.call(tokens));
        return (attended + feedForward.call(feedForwardNorm.call(attended))).MoveToOuterDisposeScope();
    }
}
