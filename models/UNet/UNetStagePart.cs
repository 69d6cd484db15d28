using static TorchSharp.torch;

namespace MedSegDsl.Models;

/// <summary>
/// The blocks and layers of a stage, one after the other: a volume (B, C, D, H, W) → (B, C', D/s, H/s, W/s). They are
/// children of the network, under the names of the published code.
/// </summary>
/// <param name="blocks">The blocks of convolutions.</param>
/// <param name="layers">The layers behind them.</param>
public sealed class UNetStagePart(IReadOnlyList<Layer<Tensor, Tensor>> blocks, IReadOnlyList<MixerLayer> layers)
{
    /// <summary>Runs the stage.</summary>
    public Tensor Apply(Tensor volume)
    {
        using var scope = NewDisposeScope();
        var result = blocks.Aggregate(volume, (x, block) => block.call(x));
        result = layers.Aggregate(result, (x, layer) => layer.OnVolume(x));
        return result.MoveToOuterDisposeScope();
    }
}
