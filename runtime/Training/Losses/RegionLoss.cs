using static TorchSharp.torch;

namespace MedSegDsl.Runtime.Training.Losses;

/// <summary>
/// Binary cross-entropy and soft Dice of overlapping regions, both with weight 1 (nnU-Net v2's loss for regions). The
/// target is one 0/1 channel for each region in float32, (B, R, …), plus a last channel that is 1 where nothing is
/// annotated if the dataset has an ignore label.
/// </summary>
/// <param name="crossEntropy">Whether the binary cross-entropy counts: the mean over everything; with an ignore label
/// the sum over regions of the mean over annotated voxels.</param>
/// <param name="dice">The Dice term, if it counts; every region is a class.</param>
/// <param name="ignoreChannel">Whether the last target channel marks voxels without annotation.</param>
/// <param name="part">The part of the batch that this is the loss of; null for the whole.</param>
public sealed class RegionLoss(bool crossEntropy, DiceTerm? dice, bool ignoreChannel = false, LossPart? part = null) : SegmentationLoss
{
    private readonly LossPart part = part ?? LossPart.Whole;

    private protected override LossValue Compute(Tensor logits, Tensor target, double? gradientScale)
    {
        var regions = logits.shape[1];
        var y = target.narrow(1, 0, regions);
        var mask = ignoreChannel ? 1 - target.narrow(1, regions, 1) : null;
        var p = logits.sigmoid();

        var value = zeros(Array.Empty<long>(), device: logits.device);
        Tensor? weight = null;
        if (crossEntropy)
        {
            weight = mask is null
                ? full([1, 1, 1], part.Share / logits.numel(), device: logits.device)
                : mask / part.OverBatch(mask.sum()).clamp_min(1e-8);
            var losses = nn.functional.binary_cross_entropy_with_logits(logits, y, reduction: nn.Reduction.None);
            value += losses.mul_(weight).sum();
        }

        DiceTerm.Result? term = null;
        if (dice is not null)
        {
            var masked = mask is null ? p : p * mask;
            var truth = mask is null ? y : y * mask;
            term = dice.Evaluate((masked * y).sum(2), masked.sum(2), truth.sum(2));
            value += term.Value.Value;
        }

        if (gradientScale is not { } scale)
            return new LossValue(value, null);

        var gradient = weight is null ? zeros_like(p) : (p - y).mul_(weight * scale);
        if (term is { } d)
        {
            var byProbability = (d.ByIntersection * scale).unsqueeze(2) * y + (d.ByPrediction * scale).unsqueeze(2);
            if (mask is not null)
                byProbability.mul_(mask);
            gradient.add_(byProbability.mul_(p).mul_(1 - p));
        }

        return new LossValue(value, gradient);
    }
}
