using static TorchSharp.torch;

namespace MedSegDsl.Models;

/// <summary>
/// SegFormer's Mix-FFN: linear C → ratio·C, depthwise convolution, norm, GELU, linear back; tokens (B, D, H, W, C) →
/// (B, D, H, W, C). The convolution is what tells the layer where a token lies (Xie et al., SegFormer, section 3.1; the
/// norm is SegFormer3D's).
/// </summary>
public sealed class MixFeedForward : Layer<Tensor, Tensor>
{
    private readonly Linear widen;
    private readonly NormedDepthwise depthwise;
    private readonly Linear narrow;

    /// <summary>A feed-forward network over so many channels, with the norm of its network.</summary>
    public MixFeedForward(int channels, MixTransformerMixer mixer, Network network) : base(nameof(MixFeedForward))
    {
        var hidden = mixer.FeedForwardRatio * channels;
        widen = Add("fc1", new Linear(channels, hidden, bias: true));
        depthwise = Add("dwconv", new NormedDepthwise(hidden, mixer.Kernel, network));
        narrow = Add("fc2", new Linear(hidden, channels, bias: true));
    }

    /// <inheritdoc />
    public override Tensor forward(Tensor tokens)
    {
        using var scope = NewDisposeScope();
        var hidden = nn.functional.gelu(depthwise.call(widen.call(tokens)));
        return narrow.call(hidden).MoveToOuterDisposeScope();
    }

    /// <summary>A depthwise convolution and a norm, under the names of the published code.</summary>
    private sealed class NormedDepthwise : Layer<Tensor, Tensor>
    {
        private readonly DepthwiseConvolution3d convolution;
        private readonly VolumeNorm norm;

        public NormedDepthwise(int channels, int kernel, Network network) : base(nameof(NormedDepthwise))
        {
            var start = Start.HeFanOut((long)kernel * kernel * kernel);
            convolution = Add("dwconv", new DepthwiseConvolution3d(channels, kernel, start, Start.Zero));
            norm = Add("bn", new VolumeNorm(network.Norm, channels));
        }

        public override Tensor forward(Tensor tokens)
        {
            using var scope = NewDisposeScope();
            return Axes.ToTokens(norm.call(Axes.ToVolume(convolution.Convolve(tokens)))).MoveToOuterDisposeScope();
        }
    }
}
