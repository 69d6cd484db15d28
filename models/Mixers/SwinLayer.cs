using static TorchSharp.torch;

namespace MedSegDsl.Models;

/// <summary>
/// x + window attention(LN(x)), then x + feed-forward(LN(x)): tokens (B, D, H, W, C) → (B, D, H, W, C). Every second layer
/// of a stage shifts its windows (Swin Transformer, Liu et al. 2021; MONAI, SwinTransformerBlock).
/// </summary>
public sealed class SwinLayer : TokenLayer
{
    private const double NormEpsilon = 1e-5;

    private readonly LayerNorm attentionNorm;
    private readonly WindowAttention attention;
    private readonly LayerNorm feedForwardNorm;
    private readonly FeedForward feedForward;
    private readonly double dropPath;

    /// <summary>Layer <paramref name="index"/>, from 0, of a stage of so many channels.</summary>
    public SwinLayer(int channels, SwinMixer mixer, int index) : base(nameof(SwinLayer))
    {
        attentionNorm = Add("norm1", new LayerNorm(channels, NormEpsilon));
        attention = Add("attn", new WindowAttention(channels, mixer, shifted: index % 2 == 1));
        feedForwardNorm = Add("norm2", new LayerNorm(channels, NormEpsilon));
        feedForward = Add("mlp", FeedForwardOf(channels, mixer));
        dropPath = DropPathModule.rate(index, mixer.DropPath);
    }

    /// <inheritdoc />
    public override Tensor forward(Tensor tokens)
    {
        using var scope = NewDisposeScope();
        var attended = tokens + Drop(attention.call(attentionNorm.call(tokens)));
        return (attended + Drop(feedForward.call(feedForwardNorm.call(attended)))).MoveToOuterDisposeScope();
    }

    /// <summary>The feed-forward network of a layer, under the names of the code that it follows.</summary>
    internal static FeedForward FeedForwardOf(int channels, SwinMixer mixer) =>
        mixer.Code.IsMonai
            ? new FeedForward(channels, mixer.FeedForwardRatio, mixer.Dropout)
            : new FeedForward(channels, mixer.FeedForwardRatio, mixer.Dropout, "fc1", "fc2");

    private Tensor Drop(Tensor branch) => RandomDrops.Branch(branch, dropPath, training);
}
