namespace MedSegDsl.Runtime.Training.Augmentations.Spatial;

/// <summary>The axes that may change places: the largest group of axes along which a patch is equally long (nnU-Net,
/// nnUNetTrainerDA5).</summary>
internal static class EqualAxes
{
    /// <summary>The axes of a batch, 0 = z; none where all lengths differ.</summary>
    public static int[] Of(AugmentedBatch batch)
    {
        var lengths = batch.Image.shape[2..];
        var group = Enumerable.Range(0, lengths.Length).GroupBy(axis => lengths[axis]).MaxBy(g => g.Count())!;
        return group.Count() > 1 ? [.. group] : [];
    }
}
