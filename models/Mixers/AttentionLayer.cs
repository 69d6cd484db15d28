using static TorchSharp.torch;

namespace MedSegDsl.Models;

/// <summary>x + attention(LN(x)), then x + feed-forward(LN(x)): tokens (B, D, H, W, C) → (B, D, H, W, C).</summary>
public sealed class AttentionLayer : TokenLayer
{
    private readonly LayerNorm attentionNorm;
    private readonly SpatialReductionAttention attention;
    private readonly LayerNorm feedForwardNorm;
    private readonly FeedForward feedForward;

    /// <summary>A Transformer layer over so many channels.</summary>
    public AttentionLayer(int channels, AttentionMixer mixer) : base(nameof(AttentionLayer))
    {
        attentionNorm = Add("norm1", new LayerNorm(channels, mixer.NormEpsilon));
        attention = Add("attn", new SpatialReductionAttention(channels, mixer));
        feedForwardNorm = Add("norm2", new LayerNorm(channels, mixer.NormEpsilon));
        feedForward = Add("mlp", new FeedForward(channels, mixer.FeedForwardRatio));
    }

    /// <inheritdoc />
    public override Tensor forward(Tensor tokens)
    {
        using var scope = NewDisposeScope();
        var attended = tokens + attention.call(attentionNorm.call(tokens));
        return (attended + feedForward.call(feedForwardNorm.call(attended))).MoveToOuterDisposeScope();
    }
}
