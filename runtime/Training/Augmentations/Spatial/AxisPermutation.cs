using MedSegDsl.Runtime.Training.Loading;

namespace MedSegDsl.Runtime.Training.Augmentations.Spatial;

/// <summary>Equally long axes change places, every order equally likely, image and segmentation alike (batchgeneratorsv2,
/// TransposeAxesTransform).</summary>
internal static class AxisPermutation
{
    public static void Apply(AugmentedBatch batch, IReadOnlyList<int> samples, BatchRandom random)
    {
        var axes = EqualAxes.Of(batch);
        foreach (var sample in samples)
        {
            var order = random.Order(axes.Length);
            long[] permutation = [.. Enumerable.Range(0, batch.Image.shape.Length - 1)];
            for (var i = 0; i < axes.Length; i++)
                permutation[axes[i] + 1] = axes[order[i]] + 1;
            // The copy must not read what it has already written.
            batch.Rearrange(sample, part => part.permute(permutation).clone());
        }
    }
}
