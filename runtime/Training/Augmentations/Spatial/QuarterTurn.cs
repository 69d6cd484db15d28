using MedSegDsl.Runtime.Training.Loading;

namespace MedSegDsl.Runtime.Training.Augmentations.Spatial;

/// <summary>Turns samples by 0, 90, 180 or 270 degrees in a random plane of two equally long axes, image and segmentation
/// alike (batchgeneratorsv2, Rot90Transform).</summary>
internal static class QuarterTurn
{
    public static void Apply(AugmentedBatch batch, IReadOnlyList<int> samples, BatchRandom random)
    {
        var axes = EqualAxes.Of(batch);
        if (axes.Length == 0)
            return;
        foreach (var sample in samples)
        {
            var turns = random.Below(4);
            var order = random.Order(axes.Length);
            var (a, b) = (axes[Math.Min(order[0], order[1])] + 1L, axes[Math.Max(order[0], order[1])] + 1L);
            if (turns > 0)
                batch.Rearrange(sample, part => part.rot90(turns, (a, b)));
        }
    }
}
