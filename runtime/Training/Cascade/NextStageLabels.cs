using MedSegDsl.Runtime.Imaging;
using MedSegDsl.Runtime.Inference;
using MedSegDsl.Runtime.Planning;
using MedSegDsl.Runtime.Preprocessing;
using MedSegDsl.Runtime.Preprocessing.Resampling;

namespace MedSegDsl.Runtime.Training.Cascade;

/// <summary>
/// From the logits of a cascade's first stage to a label map on the grid of the second stage's preprocessed case (nnU-Net
/// v2, inference/export_prediction.py, resample_and_save).
/// </summary>
public static class NextStageLabels
{
    /// <summary>The label map of a case.</summary>
    /// <param name="logits">One volume for each class or region, on the first stage's grid.</param>
    /// <param name="plans">Give the order of the axes.</param>
    /// <param name="configuration">The first stage.</param>
    /// <param name="next">The second stage.</param>
    /// <param name="properties">What preprocessing did to the case.</param>
    /// <param name="regionsClassOrder">The label that each region writes; null where the classes are labels.</param>
    /// <param name="threads">Threads for resampling.</param>
    public static ImageArray<short> Of(
        Logits logits,
        Plans plans,
        PlansConfiguration configuration,
        PlansConfiguration next,
        CaseProperties properties,
        IReadOnlyList<int>? regionsClassOrder,
        int threads)
    {
        var shape = NewShape.Compute(
            properties.ShapeBeforeResampling, Transposition.Apply(properties.Spacing, plans.TransposeForward), next.Spacing);
        var running = new RunningSegmentation(shape, regionsClassOrder);
        var buffer = new float[running.Labels.VoxelCount];
        foreach (var channel in logits.Channels)
        {
            // nnU-Net gives the first stage's spacing for both grids: it alone decides whether an axis is separate.
            Resampler.ResampleChannel(
                channel, logits.Shape, buffer, shape,
                configuration.Spacing, configuration.Spacing, configuration.ResamplingProbabilities, threads);
            running.Add(buffer);
        }

        return running.Labels;
    }
}
