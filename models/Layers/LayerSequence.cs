using static TorchSharp.torch;

namespace MedSegDsl.Models;

/// <summary>Layers of any kind one after the other, called <c>0</c>, <c>1</c>, … in state dicts.</summary>
public sealed class LayerSequence : Layer<Tensor, Tensor>
{
    private readonly IReadOnlyList<Layer<Tensor, Tensor>> layers;

    /// <summary>A sequence, the first first.</summary>
    public LayerSequence(IEnumerable<Layer<Tensor, Tensor>> layers) : base(nameof(LayerSequence)) =>
        this.layers = [.. layers.Select((layer, i) => Add($"{i}", layer))];

    /// <inheritdoc />
    public override Tensor forward(Tensor input)
    {
        using var scope = NewDisposeScope();
        return layers.Aggregate(input, (x, layer) => layer.call(x)).MoveToOuterDisposeScope();
    }
}
