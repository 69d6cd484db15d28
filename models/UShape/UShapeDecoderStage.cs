using static TorchSharp.torch;

namespace MedSegDsl.Models;

/// <summary>
/// A stage on the way up: a deep volume and a skip (B, C, D, H, W) → (B, C, D, H, W). Its modules are children of the
/// U-shape, under the names of the public code.
/// </summary>
/// <param name="upsampling">Brings the deep volume to the skip's size and channels and adds the skip.</param>
/// <param name="positions">The position embedding, or null.</param>
/// <param name="mixers">The chain of mixer layers.</param>
/// <param name="closingNorm">The layer norm that ends the last stage, or null.</param>
public sealed class UShapeDecoderStage(
    Layer<(Tensor Deep, Tensor Skip), Tensor> upsampling,
    LearnedPositions? positions,
    Layer<Tensor, Tensor> mixers,
    LayerNorm? closingNorm)
{
    /// <summary>Goes up one stage.</summary>
    public Tensor Apply(Tensor deep, Tensor skip)
    {
        using var scope = NewDisposeScope();
        var tokens = Axes.ToTokens(upsampling.call((deep, skip)));
        var mixed = mixers.call(positions?.AddTo(tokens) ?? tokens);
        return Axes.ToVolume(closingNorm?.call(mixed) ?? mixed).MoveToOuterDisposeScope();
    }
}
