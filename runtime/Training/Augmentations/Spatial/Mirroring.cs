using MedSegDsl.Runtime.Training.Loading;

namespace MedSegDsl.Runtime.Training.Augmentations.Spatial;

/// <summary>Each sample is flipped along each allowed axis with a probability of ½, image and segmentation alike
/// (batchgeneratorsv2, MirrorTransform).</summary>
internal static class Mirroring
{
    public static void Apply(AugmentedBatch batch, IReadOnlyList<int> samples, IEnumerable<int> axes, BatchRandom random)
    {
        var dimensions = batch.Image.shape.Length - 2;
        long[] allowed = [.. axes.Where(axis => axis < dimensions).Select(axis => axis + 1L)];
        foreach (var sample in samples)
        {
            long[] flipped = [.. allowed.Where(_ => random.Coin())];
            if (flipped.Length > 0)
                batch.Rearrange(sample, part => part.flip(flipped));
        }
    }
}
