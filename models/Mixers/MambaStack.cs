using static TorchSharp.torch;

namespace MedSegDsl.Models;

/// <summary>
/// Mamba layers one after the other: tokens (B, D, H, W, C) → (B, D, H, W, C). The public code calls them
/// <c>layers.0</c>, <c>layers.1</c>, …, where its Transformer layers are just <c>0</c>, <c>1</c>.
/// </summary>
public sealed class MambaStack : Layer<Tensor, Tensor>
{
    private readonly LayerStack layers;

    /// <summary>A stack of Mamba layers, the first first; at least one.</summary>
    public MambaStack(IEnumerable<Layer<Tensor, Tensor>> layers) : base(nameof(MambaStack)) =>
        this.layers = Add("layers", new LayerStack(layers));

    /// <inheritdoc />
    public override Tensor forward(Tensor tokens) => layers.call(tokens);
}
