using MedSegDsl.Runtime.Training.Loading;
using static TorchSharp.torch;

namespace MedSegDsl.Runtime.Training.Augmentations.Cascade;

/// <summary>
/// The previous stage's segmentation as input of a cascade's second stage: one 0/1 image channel for each foreground
/// label (batchgeneratorsv2, MoveSegAsOneHotToDataTransform), changed at random in training.
/// </summary>
public static class PreviousStage
{
    /// <summary>One 0/1 channel for each label.</summary>
    /// <param name="segmentation">(B, 1, …).</param>
    /// <param name="labels">The foreground labels.</param>
    /// <returns>(B, labels, …) in float32.</returns>
    public static Tensor OneHot(Tensor segmentation, IReadOnlyList<int> labels)
    {
        using var scope = NewDisposeScope();
        return cat([.. labels.Select(label => segmentation.eq(label))], 1).to(ScalarType.Float32).MoveToOuterDisposeScope();
    }

    /// <summary>Changes the labels of a sample in place, one after the other in random order.</summary>
    /// <param name="labels">(labels, D, H, W) or (labels, H, W): 0/1.</param>
    /// <param name="step">The change, and each label's probability.</param>
    /// <param name="random">The batch's random numbers.</param>
    public static void Change(Tensor labels, AugmentationStep.Cascade step, BatchRandom random)
    {
        foreach (var label in random.Order((int)labels.shape[0]))
        {
            if (!random.Chance(step.labelProbability))
                continue;
            using var scope = NewDisposeScope();
            if (step.change is CascadeChange.Morphology morphology)
                Morphology.Apply(labels, label, (BallOperation)random.Below(4), random.Uniform(morphology.radius));
            else if (step.change is CascadeChange.ComponentRemoval removal)
                ComponentRemoval.Apply(labels[label], removal.largestShare, random);
        }
    }
}
