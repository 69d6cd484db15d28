using static TorchSharp.torch;

namespace MedSegDsl.Models;

/// <summary>
/// Two pairs of convolutions, each of which makes the volume smaller, and LN: a volume (B, C, D, H, W) → tokens
/// (B, D/s, H/s, W/s, C') (nnFormer, PatchEmbed).
/// </summary>
public sealed class VolumeEmbedding : Layer<Tensor, Tensor>
{
    private const double NormEpsilon = 1e-5;

    private readonly ConvolutionPair first;
    private readonly ConvolutionPair second;
    private readonly LayerNorm norm;

    /// <summary>An embedding of so many image channels.</summary>
    public VolumeEmbedding(NnFormer former, int inChannels) : base(nameof(VolumeEmbedding))
    {
        var half = former.Channels / 2;
        first = Add("proj1", new ConvolutionPair(inChannels, half, former.FirstStride, closed: true));
        second = Add("proj2", new ConvolutionPair(half, former.Channels, former.SecondStride, closed: false));
        norm = Add("norm", new LayerNorm(former.Channels, NormEpsilon));
    }

    /// <inheritdoc />
    public override Tensor forward(Tensor volume)
    {
        using var scope = NewDisposeScope();
        return norm.call(Axes.ToTokens(second.call(first.call(volume)))).MoveToOuterDisposeScope();
    }
}
