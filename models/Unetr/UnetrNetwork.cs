using static TorchSharp.torch;

namespace MedSegDsl.Models;

/// <summary>
/// UNETR and its relatives: an encoder of any kind, whose features become skips through residual convolution blocks, and
/// UNETR's decoder. Names follow the published code: <c>encoder1</c> makes the skip at full resolution from the volume
/// itself, <c>decoder5</c> is the decoder's first block, <c>out</c> the classifier.
/// </summary>
public sealed class UnetrNetwork : SegmentationNetwork
{
    private readonly Layer<Tensor, IReadOnlyList<Tensor>> encoder;
    private readonly Layer<Tensor, Tensor>? bottom;
    private readonly IReadOnlyList<(Layer<Tensor, Tensor>? Skip, UnetrUpBlock Decoder)> levels;
    private readonly Nested? closing;
    private readonly Nested head;

    /// <summary>A network with undefined weights; <see cref="NetworkBuilder"/> fills them.</summary>
    public UnetrNetwork(Network network, Unetr unetr, int inChannels, int classes, Size3 patch)
        : base(network.Name, inChannels, classes, patch)
    {
        var shapes = UnetrShapesModule.infer(patch, inChannels, classes, unetr);
        encoder = Add(shapes.EncoderName, Encoder(network, unetr, shapes));
        bottom = AddSkip(shapes.Bottom, network);
        var deeper = shapes.Levels.Skip(1).Append(shapes.Bottom).Select(level => level.Output.Channels);
        levels = [.. shapes.Levels.Zip(deeper, (level, channels) => (
            AddSkip(level, network),
            Add(level.Decoder, new UnetrUpBlock(channels, level.Output.Channels, network))))];
        closing = shapes.ClosingBlock
            ? Add(UnetrShapesModule.closingBlock, new Nested(
                "layer", new UnetrResidualBlock(unetr.Channels, unetr.Channels, network)))
            : null;
        head = Add("out", new Nested("conv", new Nested("conv", Convolution.AsPyTorch(
            unetr.Channels, classes, 1, stride: 1, bias: true))));
        PositionGrids = Grids(shapes, unetr);
    }

    /// <inheritdoc />
    public override IReadOnlyDictionary<string, Func<Size3, Size3>> PositionGrids { get; }

    /// <inheritdoc />
    protected override IReadOnlyList<Tensor> Segment(Tensor volume, bool allMaps)
    {
        using var scope = NewDisposeScope();
        var features = encoder.call(volume).Prepend(volume).ToList();
        var deep = bottom?.call(features[^1]) ?? features[^1];
        for (var i = levels.Count - 1; i >= 0; i--)
        {
            var (skip, decoder) = levels[i];
            deep = decoder.call((deep, skip?.call(features[i]) ?? features[i]));
        }

        return [head.call(closing?.call(deep) ?? deep).MoveToOuterDisposeScope()];
    }

    private Layer<Tensor, Tensor>? AddSkip(UnetrLevel level, Network network) => level.Skip switch
    {
        UnetrSkip.Residual residual => Add(residual.block, new Nested(
            "layer", new UnetrResidualBlock(level.Source.Channels, level.Output.Channels, network))),
        UnetrSkip.Projected projected => Add(projected.block, new UnetrProjection(
            level.Source.Channels, level.Output.Channels, projected.doublings, network)),
        _ => null,
    };

    private static Layer<Tensor, IReadOnlyList<Tensor>> Encoder(Network network, Unetr unetr, UnetrShapes shapes)
    {
        var inChannels = shapes.Input.Channels;
        return unetr.Encoder switch
        {
            UnetrEncoder.Column column =>
                new TokenColumnEncoder(column.Item, inChannels, shapes.Bottom.Source, network),
            UnetrEncoder.Windows windows =>
                new WindowPyramidEncoder(windows.Item, inChannels, [.. shapes.Stages], network),
            UnetrEncoder.Convolutions convolutions =>
                new ConvolutionPyramidEncoder(convolutions.Item, inChannels, [.. shapes.Stages], network),
            _ => throw new ModelException($"{network.Name}: the encoder {unetr.Encoder} has no module"),
        };
    }

    private static Dictionary<string, Func<Size3, Size3>> Grids(UnetrShapes shapes, Unetr unetr) =>
        unetr.Encoder is UnetrEncoder.Column { Item: { PositionEmbedding.IsLearned: true } column }
            ? new Dictionary<string, Func<Size3, Size3>>
            {
                [$"{shapes.EncoderName}.patch_embedding.position_embeddings"] =
                    patch => VolumeShapeModule.strided(patch, Size3Module.cube(column.TokenSize)),
            }
            : [];
}
