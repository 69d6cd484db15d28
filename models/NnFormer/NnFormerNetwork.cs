using static TorchSharp.torch;

namespace MedSegDsl.Models;

/// <summary>
/// nnFormer, under the names of its public code: <c>model_down</c> the encoder, <c>decoder.layers.0</c> the decoder's stage
/// of the highest resolution, <c>final.0</c> its classifier.
/// </summary>
public sealed class NnFormerNetwork : SegmentationNetwork
{
    private readonly NnFormerEncoder encoder;
    private readonly NnFormerDecoder decoder;
    private readonly IReadOnlyList<Nested> heads;

    /// <summary>A network with undefined weights; <see cref="NetworkBuilder"/> fills them.</summary>
    public NnFormerNetwork(Network network, NnFormer former, int inChannels, int classes, Size3 patch)
        : base(network.Name, inChannels, classes, patch)
    {
        var shapes = NnFormerShapesModule.infer(patch, inChannels, classes, former);
        var token = NnFormerShapesModule.tokenSize(former);
        encoder = Add("model_down", new NnFormerEncoder(former, shapes, network));
        decoder = Add("decoder", new NnFormerDecoder(former, shapes, network));
        heads = [.. shapes.Stages.Take(network.DeepSupervision ? former.Decoder.Length : 1)
            .Select(shape => new Nested("up", new TransposedConvolution(shape.Channels, classes, token)))];
        Add("final", new LayerSequence(heads));
    }

    /// <inheritdoc />
    protected override IReadOnlyList<Tensor> Segment(Tensor volume, bool allMaps)
    {
        using var scope = NewDisposeScope();
        var results = decoder.call(encoder.call(volume));
        var seen = allMaps ? heads : heads.Take(1);
        return [.. seen.Zip(results, (head, tokens) => head.call(Axes.ToVolume(tokens)).MoveToOuterDisposeScope())];
    }
}
