using static TorchSharp.torch;

namespace MedSegDsl.Models;

/// <summary>A stage of layers and the merging behind it: tokens (B, D, H, W, C) → (B, D/2, H/2, W/2, 2·C).</summary>
public sealed class WindowStage : Layer<Tensor, Tensor>
{
    private readonly LayerStack layers;
    private readonly PatchMergingLayer merging;

    /// <summary>A stage on a volume of this shape.</summary>
    public WindowStage(PyramidStage stage, VolumeShape shape, PatchMerging merging, Network network) : base(nameof(WindowStage))
    {
        layers = Add("blocks", LayerStack.Of(stage.Mixer, stage.Depth, shape, network));
        this.merging = Add("downsample", new PatchMergingLayer(shape.Channels, merging));
    }

    /// <inheritdoc />
    public override Tensor forward(Tensor tokens)
    {
        using var scope = NewDisposeScope();
        return merging.call(layers.call(tokens)).MoveToOuterDisposeScope();
    }
}
