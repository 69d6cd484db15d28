using static TorchSharp.torch;

namespace MedSegDsl.Models;

/// <summary>
/// A U-shaped network of the UlikeMamba and UlikeTrans family; <c>model</c> is the first part of every name.
/// </summary>
public sealed class UShapeNetwork : SegmentationNetwork
{
    private readonly UShapeModel model;

    /// <summary>A network with undefined weights; <see cref="NetworkBuilder"/> fills them.</summary>
    public UShapeNetwork(Network network, UShape shape, int inChannels, int classes, Size3 patch)
        : base(network.Name, inChannels, classes, patch)
    {
        model = Add("model", new UShapeModel(network, shape, inChannels, classes, patch));
        PositionGrids = shape.PositionEmbedding.IsAbsent ? new Dictionary<string, Func<Size3, Size3>>() : Grids(shape);
    }

    /// <inheritdoc />
    public override IReadOnlyDictionary<string, Func<Size3, Size3>> PositionGrids { get; }

    /// <inheritdoc />
    protected override IReadOnlyList<Tensor> Segment(Tensor volume, bool allMaps) => model.call((volume, allMaps));

    private static Dictionary<string, Func<Size3, Size3>> Grids(UShape shape)
    {
        var encoder = Enumerable.Range(1, shape.Encoder.Length)
            .Select(number => (Name: $"model.transformer.pos_embed{number}", Stage: number - 1));
        var decoder = Enumerable.Range(0, shape.Decoder.Length)
            .Select(i => (Name: $"model.DecPosEmbed{i}", Stage: shape.Decoder.Length - 1 - i));
        return encoder.Concat(decoder).ToDictionary(
            entry => entry.Name,
            entry => (Func<Size3, Size3>)(patch => UShapeShapesModule.infer(patch, 1, 1, shape).Encoder[entry.Stage].Size));
    }
}
