using static TorchSharp.torch;

namespace MedSegDsl.Runtime.Training.Losses;

/// <summary>The weighted sum of one loss over a network's class maps; maps of weight 0 are not evaluated.</summary>
/// <param name="loss">The loss of one map.</param>
public sealed class DeepSupervisionLoss(SegmentationLoss loss)
{
    /// <summary>The loss of all maps; with a factor, gradients flow into the network.</summary>
    /// <param name="maps">Logits, highest resolution first.</param>
    /// <param name="target">The target at full resolution.</param>
    /// <param name="gradientFactor">What the gradients are multiplied with: the loss scale over the batches of a step. Null: no
    /// backward pass.</param>
    /// <returns>A float32 tensor without dimensions.</returns>
    public Tensor Evaluate(IReadOnlyList<Tensor> maps, Tensor target, double? gradientFactor)
    {
        using var scope = NewDisposeScope();
        var weights = DeepSupervision.Weights(maps.Count);
        var total = zeros(Array.Empty<long>(), device: target.device);
        var (supervised, gradients) = (new List<Tensor>(), new List<Tensor>());
        for (var i = 0; i < maps.Count; i++)
        {
            if (weights[i] == 0)
                continue;
            var atSize = DeepSupervision.Downsample(target, maps[i].shape.AsSpan(2));
            var (value, gradient) = loss.Evaluate(maps[i], atSize, weights[i] * gradientFactor);
            total.add_(value, alpha: weights[i]);
            if (gradient is not null)
            {
                supervised.Add(maps[i]);
                gradients.Add(gradient);
            }
        }

        if (gradientFactor is not null)
            autograd.backward(supervised, gradients);
        return total.MoveToOuterDisposeScope();
    }
}
