using MedSegDsl.Kernels;
using static TorchSharp.torch;

namespace MedSegDsl.Runtime.Training.Losses;

/// <summary>
/// Cross-entropy and soft Dice of exclusive classes, both with weight 1 (nnU-Net v2's default is their sum). The target
/// holds labels, (B, 1, …) in int64. Voxels with the ignore label count for neither.
/// </summary>
/// <param name="crossEntropy">Whether the mean of −log softmax(logits)[label] counts.</param>
/// <param name="dice">The Dice term, if it counts.</param>
/// <param name="ignoreLabel">The label of voxels without annotation.</param>
/// <param name="topK">Only the hardest percentage of the voxels enters the cross-entropy (nnU-Net: 10); of several processes
/// each takes its own hardest.</param>
/// <param name="part">The part of the batch that this is the loss of; null for the whole.</param>
public sealed class SoftmaxLoss(
    bool crossEntropy, DiceTerm? dice, int? ignoreLabel = null, double? topK = null, LossPart? part = null) : SegmentationLoss
{
    private readonly LossPart part = part ?? LossPart.Whole;

    private protected override LossValue Compute(Tensor logits, Tensor target, double? gradientScale) =>
        topK is null && SoftmaxLossPasses.Takes(logits, target)
            ? InTwoPasses(logits, target, gradientScale)
            : WithTensorOperations(logits, target, gradientScale);

    private LossValue InTwoPasses(Tensor logits, Tensor target, double? gradientScale)
    {
        var (batch, classes, voxels) = (logits.shape[0], logits.shape[1], logits.shape[2]);
        var sums = SoftmaxLossPasses.Sums(logits, target, ignoreLabel);
        var value = zeros(Array.Empty<long>(), device: logits.device);
        Tensor? weight = null;
        if (crossEntropy)
        {
            weight = ignoreLabel is null
                ? full([], part.Share / (batch * voxels), device: logits.device)
                : part.OverBatch(sums.select(1, 3 * classes + 1).sum()).clamp_min(1).reciprocal();
            value += sums.select(1, 3 * classes).sum() * weight;
        }

        DiceTerm.Result? term = null;
        if (dice is not null)
        {
            Tensor Of(int kind) => sums.narrow(1, kind * classes, classes);
            term = dice.Evaluate(intersection: Of(0), prediction: Of(1), target: Of(2));
            value += term.Value.Value;
        }

        if (gradientScale is not { } scale)
            return new LossValue(value, null);
        var gradient = SoftmaxLossPasses.Gradient(
            logits, target, ignoreLabel, Scaled(term?.ByIntersection), Scaled(term?.ByPrediction), weight is null ? null : weight * scale);
        return new LossValue(value, gradient);

        Tensor? Scaled(Tensor? derivative) => derivative is null ? null : (derivative * scale).expand(batch, classes);
    }

    // With p = softmax, y = one-hot target, w = a voxel's weight in the cross-entropy, m = its mask in the Dice sums
    // and a, b = the derivatives of the Dice term by I and P, the derivative by the logits is
    //   p·(m·(b − s) + w) + y·(m·r − w)   with   r = p[label]·a[label],   s = r + Σ_c p·b,
    // so that beside softmax only two passes over all classes are needed.
    private LossValue WithTensorOperations(Tensor logits, Tensor target, double? gradientScale)
    {
        var mask = ignoreLabel is { } ignored ? target.ne(ignored) : null;
        var label = mask is null ? target : target.where(mask, 0);
        var maskWeights = mask?.to(ScalarType.Float32);
        var p = logits.log_softmax(1);
        var logLikelihood = p.gather(1, label);
        p.exp_();
        var likelihood = logLikelihood.exp();

        var value = zeros(Array.Empty<long>(), device: logits.device);
        var weights = crossEntropy ? VoxelWeights(logLikelihood, maskWeights) : null;
        if (weights is not null)
            value -= (logLikelihood * weights).sum();

        DiceTerm.Result? term = null;
        if (dice is not null)
        {
            var y = zeros_like(p);
            if (maskWeights is null)
                y.scatter_(1, label, ones_like(likelihood));
            else
                y.scatter_(1, label, maskWeights);
            var targetSum = y.sum(2);
            var intersection = y.mul_(p).sum(2);
            var prediction = maskWeights is null ? p.sum(2) : p.bmm(maskWeights.transpose(1, 2)).squeeze(2);
            term = dice.Evaluate(intersection, prediction, targetSum);
            value += term.Value.Value;
            y.Dispose();
        }

        if (gradientScale is not { } scale)
            return new LossValue(value, null);

        var atClasses = weights is null ? null : weights * scale;
        var atLabel = weights is null ? null : weights * -scale;
        Tensor? byPrediction = null;
        if (term is { } d)
        {
            var shape = new[] { p.shape[0], p.shape[1] };
            var a = (d.ByIntersection * scale).expand(shape);
            byPrediction = (d.ByPrediction * scale).expand(shape).unsqueeze(2);
            var r = a.gather(1, label.squeeze(1)).unsqueeze(1).mul_(likelihood);
            var s = byPrediction.transpose(1, 2).bmm(p).add_(r);
            if (maskWeights is not null)
            {
                byPrediction = byPrediction * maskWeights;
                r.mul_(maskWeights);
                s.mul_(maskWeights);
            }

            atClasses = atClasses is null ? -s : atClasses - s;
            atLabel = atLabel is null ? r : atLabel + r;
        }

        var gradient = byPrediction is null ? p.mul_(atClasses!) : p.mul_(byPrediction + atClasses!);
        return new LossValue(value, gradient.scatter_add_(1, label, atLabel!.expand(label.shape)));
    }

    /// <summary>What each voxel's −log likelihood is multiplied with: (B, 1, N), or one number for all.</summary>
    private Tensor VoxelWeights(Tensor logLikelihood, Tensor? mask)
    {
        if (topK is { } percent)
        {
            var losses = -logLikelihood.flatten();
            if (mask is not null)
                losses.mul_(mask.flatten());
            var count = (int)(losses.numel() * percent / 100);
            var (_, hardest) = losses.topk(count, sorted: false);
            return zeros_like(losses).index_fill_(0, hardest, part.Share / count).view_as(logLikelihood);
        }

        return mask is null
            ? full([1, 1, 1], part.Share / logLikelihood.numel(), device: logLikelihood.device)
            : mask / part.OverBatch(mask.sum()).clamp_min(1);
    }
}
