using static TorchSharp.torch;

namespace MedSegDsl.Models;

/// <summary>
/// The way down of 3D UX-Net and SegMamba: a strided convolution of a large kernel, then stages of layers with a
/// convolution of kernel and stride 2 between them. From a volume (B, C, D, H, W) to the result of every stage, highest
/// resolution first. Names follow the published code: <c>downsample_layers.0</c>, <c>stages.0.0</c>, <c>norm0</c>, and in
/// SegMamba <c>gscs.0</c> and <c>mlps.0</c>.
/// </summary>
public sealed class ConvolutionPyramidEncoder : Layer<Tensor, IReadOnlyList<Tensor>>
{
    private readonly IReadOnlyList<LayerSequence> descents;
    private readonly IReadOnlyList<GatedConvolution> gates;
    private readonly IReadOnlyList<LayerStack> stages;
    private readonly IReadOnlyList<PyramidNormalisation> norms;
    private readonly IReadOnlyList<PointwiseFeedForward> feedForwards;

    /// <summary>An encoder for volumes of so many channels; the shapes are those of its stages.</summary>
    public ConvolutionPyramidEncoder(
        ConvolutionPyramid pyramid, int inChannels, IReadOnlyList<VolumeShape> shapes, Network network)
        : base(nameof(ConvolutionPyramidEncoder))
    {
        List<int> widths = [.. shapes.Select(shape => shape.Channels)];
        descents = [.. widths.Select((width, i) =>
            i == 0 ? Stem(pyramid, inChannels, width) : Descent(pyramid, widths[i - 1], width))];
        stages = [.. pyramid.Stages.Zip(shapes, (stage, shape) => LayerStack.Of(stage.Mixer, stage.Depth, shape, network))];
        norms = [.. widths.Select((width, i) => Add($"norm{i}", new PyramidNormalisation(pyramid.Norm, width)))];
        gates = pyramid.GatedConvolution ? [.. widths.Select(width => new GatedConvolution(width))] : [];
        feedForwards = pyramid.SkipFeedForward ? [.. widths.Select(width => new PointwiseFeedForward(width, 2 * width))] : [];
        AddList("downsample_layers", descents);
        AddList("stages", stages);
        AddList("gscs", gates);
        AddList("mlps", feedForwards);
    }

    /// <inheritdoc />
    public override IReadOnlyList<Tensor> forward(Tensor volume)
    {
        using var scope = NewDisposeScope();
        var features = new List<Tensor>();
        foreach (var (descent, i) in descents.Select((descent, i) => (descent, i)))
        {
            var entered = descent.call(volume);
            var gated = gates.Count > 0 ? gates[i].call(entered) : entered;
            volume = Axes.ToVolume(stages[i].call(Axes.ToTokens(gated)));
            var normed = norms[i].call(volume);
            features.Add(feedForwards.Count > 0 ? feedForwards[i].call(normed) : normed);
        }

        return [.. features.Select(feature => feature.MoveToOuterDisposeScope())];
    }

    private void AddList(string name, IReadOnlyCollection<Layer<Tensor, Tensor>> layers)
    {
        if (layers.Count > 0)
        {
            Add(name, new LayerSequence(layers));
        }
    }

    private static LayerSequence Stem(ConvolutionPyramid pyramid, int inputs, int outputs)
    {
        var convolution = Convolution.AsPyTorch(inputs, outputs, pyramid.StemKernel, stride: 2, bias: true);
        return new LayerSequence(
            pyramid.Norm.IsLayer ? [convolution, new PyramidNormalisation(pyramid.Norm, outputs)] : [convolution]);
    }

    private static LayerSequence Descent(ConvolutionPyramid pyramid, int inputs, int outputs) =>
        new([
            new PyramidNormalisation(pyramid.Norm, inputs),
            Convolution.AsPyTorch(inputs, outputs, 2, stride: 2, bias: true, padded: false),
        ]);
}
