using static TorchSharp.torch;

namespace MedSegDsl.Models;

/// <summary>
/// SegFormer's decoder of linear layers: every stage's volume to the same channels and to the size of the first, joined,
/// fused by a 1×1×1 convolution block, classified; volumes (B, C, D, H, W) → (B, classes, D, H, W) of the first's size.
/// </summary>
public sealed class SegFormerDecoder : Layer<IReadOnlyList<Tensor>, Tensor>
{
    private readonly IReadOnlyList<Projection> projections;
    private readonly LayerSequence fuse;
    private readonly Activation activation;
    private readonly double dropout;
    private readonly Convolution classifier;

    /// <summary>The decoder for so many classes.</summary>
    public SegFormerDecoder(SegFormer shape, int classes, Network network) : base(nameof(SegFormerDecoder))
    {
        var channels = shape.DecoderChannels;
        projections = [.. shape.Stages.Select((stage, i) =>
            Add($"linear_c{i + 1}", new Projection(stage.Channels, channels)))];
        fuse = Add("linear_fuse", new LayerSequence(
        [
            new Convolution(projections.Count * channels, channels, 1, new Size3(1, 1, 1), bias: false),
            new VolumeNorm(network.Norm, channels),
        ]));
        activation = network.Activation;
        dropout = shape.Dropout;
        classifier = Add(
            "linear_pred",
            new Convolution(channels, classes, 1, new Size3(1, 1, 1), bias: true, biasStart: Start.Zero));
    }

    /// <inheritdoc />
    public override Tensor forward(IReadOnlyList<Tensor> features)
    {
        using var scope = NewDisposeScope();
        var size = Axes.SizeOf(features[0]);
        var projected = features
            .Zip(projections, (feature, projection) => Axes.Resize(projection.call(feature), size))
            .Reverse();
        var fused = ActivationFunction.Overwrite(activation, fuse.call(cat([.. projected], 1)));
        return classifier.call(RandomDrops.Numbers(fused, dropout, training)).MoveToOuterDisposeScope();
    }

    /// <summary>A linear layer and a layer norm on a volume's channels.</summary>
    private sealed class Projection : Layer<Tensor, Tensor>
    {
        private readonly Linear linear;
        private readonly LayerNorm norm;

        public Projection(int inputs, int outputs) : base(nameof(Projection))
        {
            linear = Add("proj", new Linear(inputs, outputs, bias: true));
            norm = Add("bn", new LayerNorm(outputs, SegFormerEncoder.NormEpsilon));
        }

        public override Tensor forward(Tensor volume)
        {
            using var scope = NewDisposeScope();
            return Axes.ToVolume(norm.call(linear.call(Axes.ToTokens(volume)))).MoveToOuterDisposeScope();
        }
    }
}
