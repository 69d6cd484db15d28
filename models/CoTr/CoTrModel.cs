using static TorchSharp.torch;

namespace MedSegDsl.Models;

/// <summary>CoTr's encoder and decoder: a volume (B, C, D, H, W) → class maps, highest resolution first.</summary>
public sealed class CoTrModel : Layer<(Tensor Volume, bool AllMaps), IReadOnlyList<Tensor>>
{
    private readonly CoTrEncoder encoder;
    private readonly CoTrDecoder decoder;

    /// <summary>A model for so many image channels and classes.</summary>
    public CoTrModel(CoTr shape, int inChannels, int classes, Network network) : base(nameof(CoTrModel))
    {
        encoder = Add("backbone", new CoTrEncoder(shape, inChannels, network));
        decoder = Add("decoder", new CoTrDecoder(shape, classes, network));
    }

    /// <inheritdoc />
    public override IReadOnlyList<Tensor> forward((Tensor Volume, bool AllMaps) input)
    {
        using var scope = NewDisposeScope();
        var maps = decoder.call((encoder.call(input.Volume), Axes.SizeOf(input.Volume), input.AllMaps));
        return [.. maps.Select(map => map.MoveToOuterDisposeScope())];
    }
}
