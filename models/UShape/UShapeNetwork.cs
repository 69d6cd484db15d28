using static TorchSharp.torch;

namespace MedSegDsl.Models;

/// <summary>
/// A U-shaped network of the UlikeMamba and UlikeTrans family; <c>model</c> is the first part of every name.
/// </summary>
public sealed class UShapeNetwork : SegmentationNetwork
{
    private readonly UShapeModel model;

    /// <summary>A network with undefined weights; <see cref="NetworkBuilder"/> fills them.</summary>
    public UShapeNetwork(Network network, int inChannels, int classes, Size3 patch)
        : base(network.Name, inChannels, classes, patch)
    {
        model = Add("model", new UShapeModel(network, inChannels, classes, patch));
        PositionGrids = network.PositionEmbedding.IsAbsent ? new Dictionary<string, Func<Size3, Size3>>() : Grids(network);
    }

    /// <inheritdoc />
    public override IReadOnlyDictionary<string, Func<Size3, Size3>> PositionGrids { get; }

    /// <inheritdoc />
    protected override IReadOnlyList<Tensor> Segment(Tensor volume, bool allMaps) => model.call((volume, allMaps));

    private static Dictionary<string, Func<Size3, Size3>> Grids(Network network)
    {
        var encoder = Enumerable.Range(1, network.Encoder.Length)
            .Select(number => (Name: $"model.transformer.pos_embed{number}", Stage: number - 1));
        var decoder = Enumerable.Range(0, network.Decoder.Length)
            .Select(i => (Name: $"model.DecPosEmbed{i}", Stage: network.Decoder.Length - 1 - i));
        return encoder.Concat(decoder).ToDictionary(
            entry => entry.Name,
            entry => (Func<Size3, Size3>)(patch => ShapesModule.infer(patch, 1, 1, network).Encoder[entry.Stage].Size));
    }
}
