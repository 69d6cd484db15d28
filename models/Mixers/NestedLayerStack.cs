using static TorchSharp.torch;

namespace MedSegDsl.Models;

/// <summary>
/// Mixer layers one after the other: tokens (B, D, H, W, C) → (B, D, H, W, C). The public code calls its Mamba layers
/// <c>layers.0</c>, <c>layers.1</c>, …, where its Transformer layers are just <c>0</c>, <c>1</c>.
/// </summary>
public sealed class NestedLayerStack : Layer<Tensor, Tensor>
{
    private readonly LayerStack layers;

    /// <summary>A stack of layers, the first first; at least one.</summary>
    public NestedLayerStack(IEnumerable<MixerLayer> layers) : base(nameof(NestedLayerStack)) =>
        this.layers = Add("layers", new LayerStack(layers));

    /// <inheritdoc />
    public override Tensor forward(Tensor tokens) => layers.call(tokens);
}
