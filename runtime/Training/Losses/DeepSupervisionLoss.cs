using MedSegDsl.Runtime.Training.Optimization;
using static TorchSharp.torch;

namespace MedSegDsl.Runtime.Training.Losses;

/// <summary>The weighted sum of one loss over a network's class maps; maps of weight 0 are not evaluated.</summary>
/// <param name="loss">The loss of one map.</param>
public sealed class DeepSupervisionLoss(SegmentationLoss loss)
{
    /// <summary>The loss of all maps; with <paramref name="backward"/>, gradients flow into the network.</summary>
    /// <param name="maps">Logits, highest resolution first.</param>
    /// <param name="target">The target at full resolution.</param>
    /// <param name="backward">Whether to run the backward pass.</param>
    /// <param name="scale">What the gradients are multiplied with; null: 1.</param>
    /// <returns>A float32 tensor without dimensions.</returns>
    public Tensor Evaluate(IReadOnlyList<Tensor> maps, Tensor target, bool backward, LossScale? scale = null)
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
            var (value, gradient) = loss.Evaluate(maps[i], atSize, backward ? weights[i] * (scale?.Value ?? 1) : null);
            total.add_(value, alpha: weights[i]);
            if (gradient is not null)
            {
                supervised.Add(maps[i]);
                gradients.Add(gradient);
            }
        }

        if (backward)
            autograd.backward(supervised, gradients);
        return total.MoveToOuterDisposeScope();
    }
}
