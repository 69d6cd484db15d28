using static TorchSharp.torch;

namespace MedSegDsl.Models;

/// <summary>
/// An encoder stage with one chain of mixer layers, behind one convolution or several that are fused.
/// </summary>
/// <param name="embedding">Volume (B, C, D, H, W) → tokens (B, D, H, W, C).</param>
/// <param name="positions">The position embedding, or null.</param>
/// <param name="mixers">The chain.</param>
public sealed class SingleChainStage(
    Layer<Tensor, Tensor> embedding, LearnedPositions? positions, Layer<Tensor, Tensor> mixers) : IEncoderStage
{
    /// <inheritdoc />
    public Tensor Apply(Tensor volume)
    {
        using var scope = NewDisposeScope();
        var tokens = embedding.call(volume);
        return Axes.ToVolume(mixers.call(positions?.AddTo(tokens) ?? tokens)).MoveToOuterDisposeScope();
    }
}
