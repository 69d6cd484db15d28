using static TorchSharp.torch;

namespace MedSegDsl.Models;

/// <summary>
/// MedNeXt (Roy et al., MICCAI 2023; MIC-DKFZ/MedNeXt). With deep supervision one map for each resolution, the input's first.
/// Names carry the number of halvings.
/// </summary>
public sealed class MedNeXtNetwork : SegmentationNetwork
{
    private readonly PointwiseConvolution stem;
    private readonly LayerStack top;
    private readonly IReadOnlyList<(MedNeXtDown Down, LayerStack Layers)> encoder;
    private readonly IReadOnlyList<(MedNeXtUp Up, LayerStack Layers)> decoder;
    private readonly IReadOnlyList<PointwiseConvolution> heads;

    /// <summary>A network with undefined weights; <see cref="NetworkBuilder"/> fills them.</summary>
    public MedNeXtNetwork(Network network, MedNeXt shape, int inChannels, int classes, Size3 patch)
        : base(network.Name, inChannels, classes, patch)
    {
        var shapes = MedNeXtShapes.infer(patch, shape);
        var lowest = shape.Encoder.Length;
        LayerStack Layers(string name, Mixer mixer, int depth, int level) =>
            Add(name, LayerStack.Of(mixer, depth, shapes[level], network));

        stem = Add("stem", new PointwiseConvolution(inChannels, shape.Channels));
        top = Layers("enc_block_0", shape.Mixer, shape.Depth, 0);
        encoder = [.. shape.Encoder.Select((stage, i) => (
            Add($"down_{i}", new MedNeXtDown(shapes[i].Channels, shapes[i + 1].Channels, stage.Resampling, network)),
            Layers(i + 1 == lowest ? "bottleneck" : $"enc_block_{i + 1}", stage.Mixer, stage.Depth, i + 1)))];
        decoder = [.. shape.Decoder.Select((stage, i) =>
        {
            var level = lowest - 1 - i;
            return (
                Add($"up_{level}", new MedNeXtUp(shapes[level + 1].Channels, shapes[level].Channels, stage.Resampling, network)),
                Layers($"dec_block_{level}", stage.Mixer, stage.Depth, level));
        })];
        heads = [.. shapes.Take(network.DeepSupervision ? shapes.Length : 1).Select((volume, level) =>
            Add($"out_{level}", new PointwiseConvolution(volume.Channels, classes, transposed: true)))];

        // What the published code hands to its checkpointing; nothing depends on it.
        AddParameter("dummy_tensor", Start.One, 1);
    }

    /// <inheritdoc />
    protected override IReadOnlyList<Tensor> Segment(Tensor volume, bool allMaps)
    {
        var current = top.call(stem.call(Axes.ToTokens(volume)));
        var skips = new Stack<Tensor>();
        foreach (var (down, layers) in encoder)
        {
            skips.Push(current);
            current = layers.call(down.call(current));
        }

        var maps = new Stack<Tensor>();
        foreach (var (up, layers) in decoder)
        {
            AddMap(maps, skips.Count, current, allMaps);
            var skip = skips.Pop();
            current = layers.call(Crop(up.call(current), skip) + skip);
        }

        AddMap(maps, 0, current, allMaps);
        return [.. maps];
    }

    private void AddMap(Stack<Tensor> maps, int level, Tensor tokens, bool allMaps)
    {
        if (level == 0 || (allMaps && level < heads.Count))
        {
            maps.Push(Axes.ToVolume(heads[level].call(tokens)));
        }
    }

    /// <summary>The tokens of a block on the way up, at the size of a skip whose odd axes were halved upwards.</summary>
    private static Tensor Crop(Tensor tokens, Tensor skip)
    {
        var (d, h, w) = (skip.shape[1], skip.shape[2], skip.shape[3]);
        return tokens.narrow(1, 0, d).narrow(2, 0, h).narrow(3, 0, w);
    }
}
