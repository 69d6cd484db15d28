using TorchSharp;
using static TorchSharp.torch;

namespace MedSegDsl.Models;

/// <summary>
/// Multi-head attention, (B, D, H, W, C) → (B, D, H, W, C), with keys and values from a volume that a convolution of
/// kernel = stride = reduction has shrunk (Pyramid Vision Transformer; uakhan17/Mamba3D-MedSeg, net_modules).
/// </summary>
public sealed class SpatialReductionAttention : Layer<Tensor, Tensor>
{
    private const double ReducedNormEpsilon = 1e-5;
    private const int QueriesOfGroup = 512;

    private readonly int heads;
    private readonly int reduction;
    private readonly double queryScale;
    private readonly Linear queries;
    private readonly Linear keysAndValues;
    private readonly Linear projection;
    private readonly Convolution? shrink;
    private readonly LayerNorm? shrunkNorm;

    /// <summary>UlikeTrans's attention over so many channels, which the heads must divide.</summary>
    public SpatialReductionAttention(int channels, AttentionMixer mixer)
        : this(channels, mixer.Heads, mixer.Reduction, mixer.QkvBias, AttentionNames.Pyramid, shrinkBias: null)
    {
    }

    /// <summary>SegFormer3D's attention over so many channels, which the heads must divide.</summary>
    public SpatialReductionAttention(int channels, MixTransformerMixer mixer)
        : this(channels, mixer.Heads, mixer.Reduction, true, AttentionNames.SegFormer, shrinkBias: Start.Zero)
    {
        if (mixer.Scale.IsHeads)
        {
            // The product is divided by √(C / heads) below, where the published code divides by √heads.
            queryScale = Math.Sqrt((double)channels / heads / heads);
        }
    }

    private SpatialReductionAttention(
        int channels, int heads, int reduction, bool bias, AttentionNames names, Start? shrinkBias)
        : base(nameof(SpatialReductionAttention))
    {
        (this.heads, this.reduction, queryScale) = (heads, reduction, 1);
        queries = Add(names.Queries, new Linear(channels, channels, bias));
        keysAndValues = Add(names.KeysAndValues, new Linear(channels, 2 * channels, bias));
        projection = Add("proj", new Linear(channels, channels, bias: true));
        if (reduction > 1)
        {
            var stride = new Size3(reduction, reduction, reduction);
            shrink = Add(
                names.Shrink,
                new Convolution(channels, channels, reduction, stride, bias: true, padded: false, biasStart: shrinkBias));
            shrunkNorm = Add(names.ShrunkNorm, new LayerNorm(channels, ReducedNormEpsilon));
        }
    }

    /// <inheritdoc />
    /// <exception cref="ModelException">The volume is smaller than the reduction along an axis.</exception>
    public override Tensor forward(Tensor tokens)
    {
        using var scope = NewDisposeScope();
        var shape = tokens.shape;
        var (batch, channels) = (shape[0], shape[4]);
        var perHead = channels / heads;
        var scaled = queryScale == 1 ? queries.call(tokens) : queries.call(tokens) * queryScale;
        var shrunk = keysAndValues.call(Shrink(tokens));
        var length = shape[1] * shape[2] * shape[3];
        var groups = tokens.device_type == DeviceType.CUDA ? QueryGroups(length, shrunk.numel() / (2 * batch * channels)) : 1;
        var asked = scaled.view(batch * groups, length / groups, heads, perHead).transpose(1, 2);
        var pairs = shrunk.view(batch, 1, -1, 2, heads, perHead).expand(batch, groups, -1, 2, heads, perHead)
            .permute(3, 0, 1, 4, 2, 5).flatten(1, 2);
        var attended = nn.functional.scaled_dot_product_attention(asked, pairs.select(0, 0), pairs.select(0, 1));
        return projection.call(attended.transpose(1, 2).reshape(shape)).MoveToOuterDisposeScope();
    }

    // A block of libtorch's backward kernel takes 64 keys and walks all queries, so that few keys leave most of a GPU idle: the
    // queries go in groups, each an entry of the batch with keys and values of its own.
    private static long QueryGroups(long queries, long keys)
    {
        var groups = queries < 8 * keys ? 1 : Math.Max(1, queries / QueriesOfGroup);
        while (queries % groups != 0)
        {
            groups--;
        }

        return groups;
    }

    private Tensor Shrink(Tensor tokens)
    {
        if (shrink is null || shrunkNorm is null)
        {
            return tokens;
        }

        var size = Axes.SizeOf(Axes.ToVolume(tokens));
        if (Math.Min(size.D, Math.Min(size.H, size.W)) < reduction)
        {
            throw new ModelException(
                $"attention with reduction {reduction} gets a volume of {size}: no axis may be smaller than the reduction; "
                + "give the stage a smaller reduction or the network a larger patch");
        }

        return shrunkNorm.call(Axes.ToTokens(shrink.call(Axes.ToVolume(tokens))));
    }
}
