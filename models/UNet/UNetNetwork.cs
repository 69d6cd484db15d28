using static TorchSharp.torch;

namespace MedSegDsl.Models;

/// <summary>
/// A U-Net of nnU-Net's or U-Mamba's kind. With deep supervision it gives a map for every decoder stage, else the final
/// one.
/// </summary>
public sealed class UNetNetwork : SegmentationNetwork
{
    private readonly UNetStagePart? stem;
    private readonly IReadOnlyList<UNetStagePart> encoder;
    private readonly IReadOnlyList<Func<Tensor, Tensor>> upsamplings;
    private readonly IReadOnlyList<UNetStagePart> decoder;
    private readonly IReadOnlyList<Convolution?> heads;
    private readonly Size3 multiple;
    private readonly bool startsAsSkip;

    /// <summary>A network with undefined weights; <see cref="NetworkBuilder"/> fills them.</summary>
    /// <param name="network">The definition.</param>
    /// <param name="net">Its architecture.</param>
    /// <param name="sizes">Its sizes.</param>
    /// <param name="inChannels">Image channels.</param>
    /// <param name="classes">Classes, background included.</param>
    /// <param name="patch">The patch in voxels.</param>
    public UNetNetwork(Network network, UNet net, UNetSizes sizes, int inChannels, int classes, Size3 patch)
        : base(network.Name, inChannels, classes, patch)
    {
        var layout = UNetLayoutModule.infer(patch, inChannels, net, sizes);
        startsAsSkip = network.Initialisation.IsHe && net.Encoder.IsResidual;
        multiple = layout.Encoder.Last().Reduction;
        stem = layout.Stem.IsEmpty ? null : AddStage(layout.Stem, [], network);
        encoder = [.. layout.Encoder.Select(place => AddStage(place.Blocks, place.Layers, network))];
        upsamplings = [.. layout.Decoder.Select(place => AddUpsampling(place.Upsampling, network))];
        decoder = [.. layout.Decoder.Select(place => AddStage(place.Blocks, place.Layers, network))];
        var last = layout.Decoder.Length - 1;
        heads = [.. layout.Decoder.Select((place, i) =>
            i == last || network.DeepSupervision ? AddHead(place, classes, network) : null)];
    }

    /// <summary>The published decoder owns the encoder a second time.</summary>
    /// <inheritdoc />
    public override Dictionary<string, Tensor> state_dict(
        Dictionary<string, Tensor>? destination = null, string? prefix = null)
    {
        var state = base.state_dict(destination, prefix);
        SecondNames.Add(state, prefix, "encoder", "decoder.encoder");
        return state;
    }

    /// <inheritdoc />
    protected override IReadOnlyList<Tensor> Segment(Tensor volume, bool allMaps)
    {
        using var scope = NewDisposeScope();
        Check(Axes.SizeOf(volume));
        var skips = new Stack<Tensor>();
        var deep = stem?.Apply(volume) ?? volume;
        foreach (var stage in encoder)
        {
            deep = stage.Apply(deep);
            skips.Push(deep);
        }

        deep = skips.Pop();
        var maps = new List<Tensor>();
        for (var i = 0; i < decoder.Count; i++)
        {
            deep = decoder[i].Apply(cat([upsamplings[i](deep), skips.Pop()], 1));
            if (heads[i] is { } head && (allMaps || i == decoder.Count - 1))
            {
                maps.Add(head.call(deep));
            }
        }

        maps.Reverse();
        return [.. maps.Select(map => map.MoveToOuterDisposeScope())];
    }

    private void Check(Size3 size)
    {
        if (size.D % multiple.D != 0 || size.H % multiple.H != 0 || size.W % multiple.W != 0)
        {
            throw new ModelException($"{GetName()} takes volumes whose sides are multiples of {multiple}, not {size}");
        }
    }

    private UNetStagePart AddStage(IEnumerable<UNetBlock> blocks, IEnumerable<UNetLayer> layers, Network network) =>
        new(
            [.. blocks.Select(block => AddAt(block.Name, Block(block, network)))],
            [.. layers.Select(layer =>
                AddAt(layer.Name, MixerLayers.Build(layer.Mixer, layer.Index, layer.Volume, network)))]);

    private Layer<Tensor, Tensor> Block(UNetBlock block, Network network) => block.Kind switch
    {
        { IsResidual: true } => new UNetResidualBlock(block, network, startsAsSkip),
        { IsProjected: true } => new UNetProjectedBlock(block, network),
        _ => new UNetConvBlock(
            block.Inputs, block.Output.Channels, block.Kernel, block.Stride, network, network.HasBlockBias),
    };

    private Func<Tensor, Tensor> AddUpsampling(UNetUpsampling up, Network network)
    {
        var start = ConvolutionStart.Of(network);
        var channels = up.Output.Channels;
        return up.IsTransposed
            ? AddAt(up.Name, new TransposedConvolution(up.Inputs, channels, up.Stride, start: start)).call
            : new NearestUpsampling(AddAt(up.Name, Pointwise(up.Inputs, channels, start)), up.Stride).Apply;
    }

    private Convolution AddHead(UNetDecoderPlace place, int classes, Network network) =>
        AddAt(place.Head, Pointwise(place.Output.Channels, classes, ConvolutionStart.Of(network)));

    private static Convolution Pointwise(int inputs, int outputs, ConvolutionStart start) =>
        new(inputs, outputs, 1, new Size3(1, 1, 1), bias: true, start: start);
}
