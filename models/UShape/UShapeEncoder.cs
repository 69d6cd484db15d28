using static TorchSharp.torch;

namespace MedSegDsl.Models;

/// <summary>
/// The way down: the stem, then the stages. From a volume (B, C, D, H, W) to the stem's output and that of every stage,
/// highest resolution first. The public code's names: <c>patch_embed0</c> is the stem; <c>patch_embed1</c>,
/// <c>pos_embed1</c>, <c>block1</c> the first stage.
/// </summary>
public sealed class UShapeEncoder : UShapeLayer<Tensor, IReadOnlyList<Tensor>>
{
    private readonly ConvBlock stem;
    private readonly IReadOnlyList<IEncoderStage> stages;

    /// <summary>An encoder for volumes of the shapes that the DSL infers for a patch.</summary>
    public UShapeEncoder(Network network, UShape shape, UShapeShapes shapes) : base(nameof(UShapeEncoder))
    {
        var stem = shape.Stem;
        this.stem = Add("patch_embed0", new ConvBlock(shapes.Input.Channels, stem.Channels, stem.Kernel, stem.Stride, network));
        var inputs = shapes.Encoder.Prepend(shapes.Stem).Select(volume => volume.Channels);
        stages = [.. shape.Encoder.Zip(inputs, shapes.Encoder)
            .Select((row, i) => AddStage(network, shape, row.First, i + 1, row.Second, row.Third))];
    }

    /// <inheritdoc />
    public override IReadOnlyList<Tensor> forward(Tensor volume)
    {
        using var scope = NewDisposeScope();
        var features = new List<Tensor> { stem.call(volume) };
        foreach (var stage in stages)
        {
            features.Add(stage.Apply(features[^1]));
        }

        return [.. features.Select(feature => feature.MoveToOuterDisposeScope())];
    }

    private IEncoderStage AddStage(
        Network network, UShape shape, EncoderStage stage, int number, int inputs, VolumeShape volume)
    {
        Layer<Tensor, Tensor> Chain(string name) =>
            Add(name, UShapeChains.Build(stage.Mixer, stage.Depth, volume, network));

        LearnedPositions? Positions() => AddPositions(shape, $"pos_embed{number}", volume);

        var (embedding, chain) = ($"patch_embed{number}", $"block{number}");
        switch (stage.Embedding)
        {
            case Embedding.Convolution single:
                var convolution = Add(embedding, new ConvolutionEmbedding(inputs, stage, single.kernel, network));
                return new SingleChainStage(convolution, Positions(), Chain(chain));
            case Embedding.FusedBeforeMixers before:
                var fused = Add(embedding, new FusedEmbedding(inputs, stage, before.kernels, before.fusion, network));
                return new SingleChainStage(fused, Positions(), Chain(chain));
            case Embedding.FusedAfterMixers after:
                var scales = Add(embedding, new MultiScaleEmbedding(inputs, stage, after.kernels, network));
                var positions = Positions();
                List<Layer<Tensor, Tensor>> chains = [.. after.kernels.Select((_, i) => Chain($"{chain}_s{i}"))];
                var fusion = Add($"{chain}_fusion", new VolumeFusion(after.fusion, chains.Count, stage.Channels));
                return new ParallelChainsStage(scales, positions, chains, fusion);
            default:
                throw new ModelException($"{network.Name}: the embedding {stage.Embedding} has no module");
        }
    }
}
