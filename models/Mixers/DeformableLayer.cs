using static TorchSharp.torch;

namespace MedSegDsl.Models;

/// <summary>
/// CoTr's Transformer layer: LN(x + deformable attention(x)), then LN(x + feed-forward(x)), on the tokens of one volume or
/// of several end to end. Dropout is for training alone.
/// </summary>
public sealed class DeformableLayer : TokenLayer
{
    private const double NormEpsilon = 1e-5;

    private readonly int channels;
    private readonly double dropout;
    private readonly DeformableAttention attention;
    private readonly LayerNorm attentionNorm;
    private readonly Linear widen;
    private readonly Linear narrow;
    private readonly LayerNorm feedForwardNorm;

    /// <summary>A layer over so many channels and, where it stands in no stage of one volume, so many volumes.</summary>
    public DeformableLayer(int channels, DeformableMixer mixer, int levels = 1) : base(nameof(DeformableLayer))
    {
        this.channels = channels;
        dropout = mixer.Dropout;
        var hidden = mixer.FeedForwardRatio * channels;
        var start = Start.Xavier(channels, hidden);
        attention = Add("self_attn", new DeformableAttention(channels, levels, mixer));
        attentionNorm = Add("norm1", new LayerNorm(channels, NormEpsilon));
        widen = Add("linear1", new Linear(channels, hidden, bias: true, start, Start.InverseRoot(channels)));
        narrow = Add("linear2", new Linear(hidden, channels, bias: true, start, Start.InverseRoot(hidden)));
        feedForwardNorm = Add("norm2", new LayerNorm(channels, NormEpsilon));
    }

    /// <summary>
    /// The layer as a mixer, with sine positions: tokens of one volume (B, D, H, W, C) → (B, D, H, W, C). The positions are
    /// made in the parameters' element type: bf16 does not count the voxels of an axis.
    /// </summary>
    public override Tensor forward(Tensor tokens)
    {
        using var scope = NewDisposeScope();
        var size = Axes.SizeOf(Axes.ToVolume(tokens));
        var positions = SinePositions.Of(size, channels, widen.Bias).flatten(0, 2);
        return Apply(tokens.flatten(1, 3), positions, new LevelGrid([size])).view(tokens.shape).MoveToOuterDisposeScope();
    }

    /// <summary>
    /// The layer on tokens (B, L, C) of volumes end to end, with what tells them where they lie (L, C) → (B, L, C).
    /// </summary>
    public Tensor Apply(Tensor tokens, Tensor positions, LevelGrid grid)
    {
        using var scope = NewDisposeScope();
        var seen = attention.call((tokens + Cast(positions, tokens.dtype), tokens, grid));
        var attended = attentionNorm.call(tokens + Drop(seen));
        var hidden = Drop(nn.functional.gelu(widen.call(attended)));
        return feedForwardNorm.call(attended + Drop(narrow.call(hidden))).MoveToOuterDisposeScope();
    }

    private Tensor Drop(Tensor tensor) => RandomDrops.Numbers(tensor, dropout, training);
}
