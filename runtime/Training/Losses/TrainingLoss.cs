using MedSegDsl.Runtime.Dataset;

namespace MedSegDsl.Runtime.Training.Losses;

/// <summary>From an experiment's loss to what is computed.</summary>
public static class TrainingLoss
{
    /// <summary>The loss for a dataset: its form for regions where the dataset has them.</summary>
    /// <param name="loss">The experiment's choice.</param>
    /// <param name="labels">The dataset's classes or regions.</param>
    /// <param name="batchDice">The plans' choice: Dice over the whole batch.</param>
    /// <param name="part">The part of the batch that this process computes the loss of; null for the whole.</param>
    /// <exception cref="UserException">The loss has no form for regions.</exception>
    public static DeepSupervisionLoss For(Loss loss, LabelManager labels, bool batchDice, LossPart? part = null)
    {
        var topK = (loss as Loss.DiceTopK)?.percent;
        if (topK is not null && labels.HasRegions)
            throw new UserException(
                "the loss DiceTopK is for exclusive classes, but the dataset has regions: set the experiment's loss to DiceCrossEntropy");
        var crossEntropy = !loss.IsDice;
        var dice = loss.IsCrossEntropy ? null : new DiceTerm(batchDice, Background: labels.HasRegions) { Part = part ?? LossPart.Whole };
        return new DeepSupervisionLoss(
            labels.HasRegions
                ? new RegionLoss(crossEntropy, dice, labels.IgnoreLabel is not null, part)
                : new SoftmaxLoss(crossEntropy, dice, labels.IgnoreLabel, topK, part));
    }
}
