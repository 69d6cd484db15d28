using static TorchSharp.torch;

namespace MedSegDsl.Models;

/// <summary>SegFormer's encoder and decoder: a volume (B, C, D, H, W) → a class map (B, classes, D, H, W).</summary>
public sealed class SegFormerModel : Layer<Tensor, Tensor>
{
    private readonly SegFormerEncoder encoder;
    private readonly SegFormerDecoder decoder;

    /// <summary>A model for so many image channels and classes.</summary>
    public SegFormerModel(SegFormer shape, int inChannels, int classes, Size3 patch, Network network)
        : base(nameof(SegFormerModel))
    {
        encoder = Add("segformer_encoder", new SegFormerEncoder(shape, inChannels, patch, network));
        decoder = Add("segformer_decoder", new SegFormerDecoder(shape, classes, network));
    }

    /// <inheritdoc />
    public override Tensor forward(Tensor volume)
    {
        using var scope = NewDisposeScope();
        var map = decoder.call(encoder.call(volume));
        return Axes.Resize(map, Axes.SizeOf(volume)).MoveToOuterDisposeScope();
    }
}
