using static TorchSharp.torch;

namespace MedSegDsl.Models;

/// <summary>A stage of layers on the way down: tokens (B, D, H, W, C) → (B, D, H, W, C).</summary>
public sealed class NnFormerStage : Layer<Tensor, Tensor>
{
    private readonly LayerStack layers;
    private readonly ConvolutionMerging? merging;

    /// <summary>A stage on a volume of this shape; the last one has none behind it.</summary>
    public NnFormerStage(PyramidStage stage, VolumeShape shape, bool last, Network network) : base(nameof(NnFormerStage))
    {
        layers = Add("blocks", LayerStack.Of(stage.Mixer, stage.Depth, shape, network));
        merging = last ? null : Add("downsample", new ConvolutionMerging(shape.Channels));
    }

    /// <inheritdoc />
    public override Tensor forward(Tensor tokens) => layers.call(tokens);

    /// <summary>What goes into the next stage (B, D/2, H/2, W/2, 2·C); the tokens themselves behind the last one.</summary>
    public Tensor Descend(Tensor tokens) => merging?.call(tokens) ?? tokens;
}
