using static TorchSharp.torch;

namespace MedSegDsl.Runtime.Training.Losses;

/// <summary>What training minimises, for one class map.</summary>
public abstract class SegmentationLoss
{
    /// <summary>The loss, and on request its derivative, of one class map.</summary>
    /// <param name="logits">(B, C, D, H, W) or (B, C, H, W), before softmax or sigmoid.</param>
    /// <param name="target">What the class map should be; see the loss.</param>
    /// <param name="gradientScale">What the gradient is multiplied with: the map's weight in deep supervision.
    /// Null: no gradient.</param>
    public LossValue Evaluate(Tensor logits, Tensor target, double? gradientScale = 1.0)
    {
        using var noGradient = no_grad();
        using var scope = NewDisposeScope();
        var (value, gradient) = Compute(logits.detach().to(ScalarType.Float32).flatten(2), target.flatten(2), gradientScale);
        gradient = gradient?.view(logits.shape).to(logits.dtype).MoveToOuterDisposeScope();
        return new LossValue(value.MoveToOuterDisposeScope(), gradient);
    }

    /// <summary>The same with all spatial axes joined to one: logits (B, C, N), target (B, channels, N).</summary>
    private protected abstract LossValue Compute(Tensor logits, Tensor target, double? gradientScale);
}
