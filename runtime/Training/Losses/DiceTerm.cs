using static TorchSharp.torch;

namespace MedSegDsl.Runtime.Training.Losses;

/// <summary>
/// The soft Dice loss, −mean of (2·I + s) / max(P + Y + s, 1e-8) over classes (and samples), from its three sums over
/// the voxels: I of p·y, P of p, Y of y (nnU-Net v2, memory-efficient soft Dice). Negative: −1 is perfect.
/// </summary>
/// <param name="BatchDice">Sums also run over the batch, so that the batch counts as one volume.</param>
/// <param name="Background">Whether channel 0 counts as a class.</param>
/// <param name="Smooth">s; nnU-Net: 1e-5.</param>
public sealed record DiceTerm(bool BatchDice, bool Background, double Smooth = 1e-5)
{
    /// <summary>The part of the batch that the sums are of.</summary>
    public LossPart Part { get; init; } = LossPart.Whole;

    /// <summary>The loss and how it changes with I and P, each (B, C) or (1, C).</summary>
    internal readonly record struct Result(Tensor Value, Tensor ByIntersection, Tensor ByPrediction);

    /// <summary>Evaluates the term from sums of shape (B, C).</summary>
    internal Result Evaluate(Tensor intersection, Tensor prediction, Tensor target)
    {
        if (BatchDice)
        {
            intersection = intersection.sum(0, keepdim: true);
            prediction = prediction.sum(0, keepdim: true);
            target = target.sum(0, keepdim: true);
            if (Part.Sum is not null)
            {
                var sums = Part.OverBatch(stack([intersection, prediction, target]));
                (intersection, prediction, target) = (sums[0], sums[1], sums[2]);
            }
        }

        var numerator = intersection * 2 + Smooth;
        var inverse = (prediction + target + Smooth).clamp_min(1e-8).reciprocal();
        var dice = numerator * inverse;
        var counted = ones_like(dice);
        if (!Background)
            counted.narrow(1, 0, 1).zero_();
        counted /= dice.shape[0] * (dice.shape[1] - (Background ? 0 : 1));
        if (Part.Share == 1)
            return new Result(-(dice * counted).sum(), inverse * counted * -2, dice * inverse * counted);
        // Over the batch every process has the whole value, and the derivatives of its own sums; else its own samples' mean.
        var own = counted * Part.Share;
        var derived = BatchDice ? counted : own;
        return new Result(-(dice * own).sum(), inverse * derived * -2, dice * inverse * derived);
    }
}
