using MedSegDsl.Runtime.Dataset;

namespace MedSegDsl.Runtime.Training.Losses;

/// <summary>From an experiment's loss to what is computed.</summary>
public static class TrainingLoss
{
    /// <summary>The loss for a dataset: its form for regions where the dataset has them.</summary>
    /// <param name="loss">The experiment's choice.</param>
    /// <param name="labels">The dataset's classes or regions.</param>
    /// <param name="batchDice">The plans' choice: Dice over the whole batch.</param>
    public static DeepSupervisionLoss For(Loss loss, LabelManager labels, bool batchDice)
    {
        var crossEntropy = !loss.IsDice;
        var dice = loss.IsCrossEntropy ? null : new DiceTerm(batchDice, Background: labels.HasRegions);
        return new DeepSupervisionLoss(
            labels.HasRegions
                ? new RegionLoss(crossEntropy, dice, labels.IgnoreLabel is not null)
                : new SoftmaxLoss(crossEntropy, dice, labels.IgnoreLabel));
    }
}
