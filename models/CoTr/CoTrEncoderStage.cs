using static TorchSharp.torch;

namespace MedSegDsl.Models;

/// <summary>
/// A stage of CoTr's encoder, residual layers called <c>0</c>, <c>1</c>, … of which the first has the stride: (B, C, D, H, W) →
/// (B, C', ⌈D/s⌉, ⌈H/s⌉, ⌈W/s⌉).
/// </summary>
public sealed class CoTrEncoderStage : Layer<Tensor, Tensor>
{
    private readonly IReadOnlyList<CoTrEncoderLayer> layers;

    /// <summary>A stage behind so many channels.</summary>
    public CoTrEncoderStage(int inputs, CoTrStage stage, bool standardised, Network network) : base(nameof(CoTrEncoderStage)) =>
        layers = [.. Enumerable.Range(0, stage.Depth).Select(i => Add(
            $"{i}",
            new CoTrEncoderLayer(i == 0 ? inputs : stage.Channels, stage, i == 0, standardised, network)))];

    /// <inheritdoc />
    public override Tensor forward(Tensor volume)
    {
        using var scope = NewDisposeScope();
        return layers.Aggregate(volume, (x, layer) => layer.call(x)).MoveToOuterDisposeScope();
    }
}
