using static TorchSharp.torch;

namespace MedSegDsl.Models;

/// <summary>
/// Mixer layers one after the other, called <c>0</c>, <c>1</c>, …: tokens (B, D, H, W, C) → (B, D, H, W, C).
/// </summary>
public sealed class LayerStack : Layer<Tensor, Tensor>
{
    private readonly IReadOnlyList<MixerLayer> layers;

    /// <summary>A stack of layers, the first first; at least one.</summary>
    public LayerStack(IEnumerable<MixerLayer> layers) : base(nameof(LayerStack)) =>
        this.layers = [.. layers.Select((layer, i) => Add($"{i}", layer))];

    /// <inheritdoc />
    public override Tensor forward(Tensor tokens)
    {
        using var scope = NewDisposeScope();
        return layers.Aggregate(tokens, (x, layer) => layer.OnTokens(x)).MoveToOuterDisposeScope();
    }
}
