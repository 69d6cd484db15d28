using static TorchSharp.torch;

namespace MedSegDsl.Models;

/// <summary>
/// CoTr's convolutional encoder: a volume (B, C, D, H, W) → the stem's volume and one for each stage, highest resolution
/// first.
/// </summary>
public sealed class CoTrEncoder : Layer<Tensor, IReadOnlyList<Tensor>>
{
    private readonly Convolution stem;
    private readonly VolumeNorm norm;
    private readonly Activation activation;
    private readonly IReadOnlyList<LayerSequence> stages;

    /// <summary>The encoder for so many image channels.</summary>
    public CoTrEncoder(CoTr shape, int inChannels, Network network) : base(nameof(CoTrEncoder))
    {
        var (first, standardised) = (shape.Stem, shape.WeightStandardisation);
        stem = Add(
            "conv1",
            new Convolution(inChannels, first.Channels, first.Kernel, first.Stride, bias: false, standardised: standardised));
        norm = Add("norm1", new VolumeNorm(network.Norm, first.Channels));
        activation = network.Activation;
        var inputs = shape.Encoder.Select(stage => stage.Channels).Prepend(first.Channels);
        stages = [.. shape.Encoder.Zip(inputs).Select((pair, i) =>
            Add($"layer{i + 1}", Stage(pair.Second, pair.First, standardised, network)))];
    }

    /// <inheritdoc />
    public override IReadOnlyList<Tensor> forward(Tensor volume)
    {
        using var scope = NewDisposeScope();
        var features = new List<Tensor> { norm.After(stem, volume, activation) };
        foreach (var stage in stages)
        {
            features.Add(stage.call(features[^1]));
        }

        return [.. features.Select(feature => feature.MoveToOuterDisposeScope())];
    }

    private static LayerSequence Stage(int inputs, CoTrStage stage, bool standardised, Network network) =>
        new(Enumerable.Range(0, stage.Depth).Select(i =>
            new CoTrEncoderLayer(i == 0 ? inputs : stage.Channels, stage, i == 0, standardised, network)));
}
