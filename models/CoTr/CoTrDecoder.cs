using static TorchSharp.torch;

namespace MedSegDsl.Models;

/// <summary>
/// CoTr's Transformer, decoder and heads: the encoder's volumes → class maps, highest resolution first. Names carry the number
/// of the encoder's volume that a stage goes up to, the stem's being 0.
/// </summary>
public sealed class CoTrDecoder : Layer<(IReadOnlyList<Tensor> Features, Size3 Size, bool AllMaps), IReadOnlyList<Tensor>>
{
    private readonly int levels;
    private readonly DeformableTransformer transformer;
    private readonly IReadOnlyList<TransposedConvolution> upsamplings;
    private readonly IReadOnlyList<CoTrDecoderStage> stages;
    private readonly IReadOnlyList<Convolution> stageHeads;
    private readonly Convolution head;

    /// <summary>The decoder for so many classes.</summary>
    public CoTrDecoder(CoTr shape, int classes, Network network) : base(nameof(CoTrDecoder))
    {
        levels = shape.Levels;
        List<int> channels = [shape.Stem.Channels, .. shape.Encoder.Select(stage => stage.Channels)];
        transformer = Add("encoder_Detrans", new DeformableTransformer(channels[^1], shape));
        upsamplings = [.. shape.Encoder.Select((stage, i) =>
            Add($"transposeconv_stage{i}", Upsampling(channels[i + 1], channels[i], stage.Stride)))];
        stages = [.. channels.SkipLast(1).Select((c, i) =>
            Add($"stage{i}_de", new CoTrDecoderStage(c, shape.WeightStandardisation, network)))];
        stageHeads = network.DeepSupervision
            ? [.. channels.SkipLast(1).Select((c, i) => Add($"ds{i}_cls_conv", Head(c, classes)))]
            : [];
        head = Add("cls_conv", Head(channels[0], classes));
    }

    /// <inheritdoc />
    public override IReadOnlyList<Tensor> forward((IReadOnlyList<Tensor> Features, Size3 Size, bool AllMaps) input)
    {
        using var scope = NewDisposeScope();
        var own = input.Features.Count - levels;
        List<Tensor> features = [.. input.Features.Take(own), .. transformer.call([.. input.Features.Skip(own)])];
        var maps = new List<Tensor>();
        var deep = features[^1];
        for (var i = stages.Count - 1; i >= 0; i--)
        {
            var upsampled = Axes.Resize(upsamplings[i].call(deep), Axes.SizeOf(features[i]));
            deep = stages[i].call(upsampled + features[i]);
            if (input.AllMaps && stageHeads.Count > 0)
            {
                maps.Add(stageHeads[i].call(deep));
            }
        }

        // The weights of an interpolation sum to 1, so the 1×1×1 convolution may come first, on fewer voxels.
        maps.Add(Axes.Resize(head.call(deep), input.Size));
        return [.. maps.AsEnumerable().Reverse().Select(map => map.MoveToOuterDisposeScope())];
    }

    private static TransposedConvolution Upsampling(int inputs, int outputs, Size3 stride) =>
        new(inputs, outputs, stride, bias: false, Start.HeFanOut(inputs * stride.Volume));

    private static Convolution Head(int channels, int classes) => new(channels, classes, 1, new Size3(1, 1, 1), bias: true);
}
