using static TorchSharp.torch;

namespace MedSegDsl.Models;

/// <summary>
/// Mixer layers one after the other, called <c>0</c>, <c>1</c>, …: tokens (B, D, H, W, C) → (B, D, H, W, C).
/// </summary>
public sealed class LayerStack : Layer<Tensor, Tensor>
{
    /// <summary>A stack of layers, the first first; at least one.</summary>
    public LayerStack(IEnumerable<MixerLayer> layers) : base(nameof(LayerStack)) =>
        Layers = [.. layers.Select((layer, i) => Add($"{i}", layer))];

    /// <summary>So many layers of one kind on a volume of this shape.</summary>
    public static LayerStack Of(Mixer mixer, int depth, VolumeShape volume, Network network) =>
        new(Enumerable.Range(0, depth).Select(index => MixerLayers.Build(mixer, index, volume, network)));

    /// <summary>The layers, the first first.</summary>
    public IReadOnlyList<MixerLayer> Layers { get; }

    /// <inheritdoc />
    public override Tensor forward(Tensor tokens)
    {
        using var scope = NewDisposeScope();
        return Layers.Aggregate(tokens, (x, layer) => layer.OnTokens(x)).MoveToOuterDisposeScope();
    }
}
