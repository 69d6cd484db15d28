using static TorchSharp.torch;

namespace MedSegDsl.Models;

/// <summary>
/// Encoder, decoder and heads of a U-shaped network: a volume (B, C, D, H, W) → class maps, highest resolution first.
/// With deep supervision: the result at the input's size, then maps of the last upsampling and of the decoder's stages
/// from the last to the first. The public code's names: <c>transformer</c> is the encoder; <c>DecEmbed0</c>,
/// <c>DecPosEmbed0</c>, <c>Decblock0</c>, <c>ds0_cls_conv</c> the first decoder stage.
/// </summary>
public sealed class UShapeModel : UShapeLayer<(Tensor Volume, bool AllMaps), IReadOnlyList<Tensor>>
{
    private const int LastBlockKernel = 3;
    private const double ClosingNormEpsilon = 1e-5;

    private readonly UShapeEncoder encoder;
    private readonly IReadOnlyList<UShapeDecoderStage> stages;
    private readonly TransposedConvolution lastUpsampling;
    private readonly ConvBlock lastBlock;
    private readonly IReadOnlyList<Convolution> stageHeads;
    private readonly Convolution head;

    /// <summary>A U-shape for volumes of so many channels, so many classes and a patch size.</summary>
    public UShapeModel(Network network, UShape shape, int inChannels, int classes, Size3 patch) : base(nameof(UShapeModel))
    {
        var shapes = UShapeShapesModule.infer(patch, inChannels, classes, shape);
        var encoder = shape.Encoder;
        this.encoder = Add("transformer", new UShapeEncoder(network, shape, shapes));
        stages = [.. shape.Decoder.Select((stage, i) => AddStage(network, shape, stage, i, shapes.Decoder[i]))];

        var stem = shape.Stem.Channels;
        var start = ConvolutionStart.Of(network);
        lastUpsampling = Add(
            "transposeconv_stage3", new TransposedConvolution(encoder[0].Channels, stem, encoder[0].Stride, start: start));
        lastBlock = Add("stage3_de", new ConvBlock(stem, stem, LastBlockKernel, new Size3(1, 1, 1), network));

        var channels = shapes.Decoder.Select(volume => volume.Channels).Append(stem);
        stageHeads = network.DeepSupervision
            ? [.. channels.Select((c, i) => Add($"ds{i}_cls_conv", Head(c, classes, start)))]
            : [];
        head = Add("cls_conv", Head(stem, classes, start));
    }

    /// <inheritdoc />
    public override IReadOnlyList<Tensor> forward((Tensor Volume, bool AllMaps) input)
    {
        using var scope = NewDisposeScope();
        var heads = input.AllMaps ? stageHeads : [];
        var features = encoder.call(input.Volume);
        var maps = new List<Tensor>();
        var deep = features[^1];
        for (var i = 0; i < stages.Count; i++)
        {
            deep = stages[i].Apply(deep, features[features.Count - 2 - i]);
            if (heads.Count > 0)
            {
                maps.Add(heads[i].call(deep));
            }
        }

        var upsampled = Axes.Resize(lastUpsampling.call(deep), Axes.SizeOf(features[0]));
        var last = lastBlock.call(upsampled + features[0]);
        if (heads.Count > 0)
        {
            maps.Add(heads[^1].call(last));
        }

        // The weights of an interpolation sum to 1, so the 1×1×1 convolution may come first, on fewer voxels.
        maps.Add(Axes.Resize(head.call(last), Axes.SizeOf(input.Volume)));
        return [.. maps.AsEnumerable().Reverse().Select(map => map.MoveToOuterDisposeScope())];
    }

    private static Convolution Head(int channels, int classes, ConvolutionStart start) =>
        new(channels, classes, 1, new Size3(1, 1, 1), bias: true, start: start);

    private UShapeDecoderStage AddStage(
        Network network, UShape shape, DecoderStage stage, int index, VolumeShape volume)
    {
        var skip = shape.Decoder.Length - 1 - index;
        var deep = shape.Encoder[skip + 1];
        var channels = volume.Channels;
        Layer<(Tensor, Tensor), Tensor> upsampling = stage.Upsampling.IsTransposed
            ? new TransposedUpsampling(deep.Channels, channels, deep.Stride, network)
            : new TrilinearUpsampling(deep.Channels, channels, deep.Stride, network);
        return new UShapeDecoderStage(
            Add($"DecEmbed{index}", upsampling),
            AddPositions(shape, $"DecPosEmbed{index}", volume),
            Add($"Decblock{index}", UShapeChains.Build(stage.Mixer, stage.Depth, volume, network)),
            skip == 0 ? Add("norm", new LayerNorm(channels, ClosingNormEpsilon)) : null);
    }
}
