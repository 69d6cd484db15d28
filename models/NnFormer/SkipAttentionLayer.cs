using static TorchSharp.torch;

namespace MedSegDsl.Models;

/// <summary>
/// The first layer of a stage on nnFormer's way up: the sum of upsampled tokens and skip, plus skip attention of both
/// under one LN, then x + feed-forward(LN(x)): both (B, D, H, W, C) → (B, D, H, W, C).
/// </summary>
public sealed class SkipAttentionLayer : Layer<(Tensor Upsampled, Tensor Skip), Tensor>
{
    private const double NormEpsilon = 1e-5;

    private readonly LayerNorm attentionNorm;
    private readonly SkipAttention attention;
    private readonly LayerNorm feedForwardNorm;
    private readonly FeedForward feedForward;
    private readonly double dropPath;

    /// <summary>A layer over so many channels.</summary>
    public SkipAttentionLayer(int channels, SwinMixer mixer) : base(nameof(SkipAttentionLayer))
    {
        attentionNorm = Add("norm1", new LayerNorm(channels, NormEpsilon));
        attention = Add("attn", new SkipAttention(channels, mixer));
        feedForwardNorm = Add("norm2", new LayerNorm(channels, NormEpsilon));
        feedForward = Add("mlp", SwinLayer.FeedForwardOf(channels, mixer));
        dropPath = DropPathModule.rate(0, mixer.DropPath);
    }

    /// <inheritdoc />
    public override Tensor forward((Tensor Upsampled, Tensor Skip) input)
    {
        using var scope = NewDisposeScope();
        var (upsampled, skip) = input;
        var attended = upsampled + skip
            + Drop(attention.call((attentionNorm.call(upsampled), attentionNorm.call(skip))));
        return (attended + Drop(feedForward.call(feedForwardNorm.call(attended)))).MoveToOuterDisposeScope();
    }

    private Tensor Drop(Tensor branch) => RandomDrops.Branch(branch, dropPath, training);
}
