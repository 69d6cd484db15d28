using static TorchSharp.torch;

namespace MedSegDsl.Models;

/// <summary>
/// A stage on the way up: an expanding, the layer that attends to the skip, further layers: deep tokens
/// (B, D/2, H/2, W/2, 2·C) and a skip (B, D, H, W, C) → (B, D, H, W, C).
/// </summary>
public sealed class NnFormerUpStage : Layer<(Tensor Deep, Tensor Skip), Tensor>
{
    private readonly PatchExpanding expanding;
    private readonly SkipAttentionLayer first;
    private readonly IReadOnlyList<MixerLayer> others;

    /// <summary>A stage on a volume of this shape.</summary>
    public NnFormerUpStage(SkipAttentionStage stage, VolumeShape shape, Network network) : base(nameof(NnFormerUpStage))
    {
        expanding = Add("Upsample", new PatchExpanding(shape.Channels));
        first = new SkipAttentionLayer(shape.Channels, stage.Attention);
        others = [.. Enumerable.Range(1, stage.Depth)
            .Select(index => MixerLayers.Build(stage.Mixer, index, shape, network))];
        Add("blocks", nn.ModuleList<nn.Module>([first, .. others]));
    }

    /// <inheritdoc />
    public override Tensor forward((Tensor Deep, Tensor Skip) input)
    {
        using var scope = NewDisposeScope();
        var attended = first.call((expanding.call(input.Deep), input.Skip));
        return others.Aggregate(attended, (tokens, layer) => layer.OnTokens(tokens)).MoveToOuterDisposeScope();
    }
}
