using MedSegDsl.Runtime.Evaluation;
using MedSegDsl.Runtime.Training.Loading;
using static TorchSharp.torch;

namespace MedSegDsl.Runtime.Training.Augmentations.Cascade;

/// <summary>Removes one small part of a label (batchgeneratorsv2,
/// RemoveRandomConnectedComponentFromOneHotEncodingTransform).</summary>
public static class ComponentRemoval
{
    /// <summary>Removes a connected component (26 neighbours), any of the small ones with the same probability.</summary>
    /// <param name="label">(D, H, W) or (H, W): 0/1; changed in place.</param>
    /// <param name="largestShare">Only components of less than this share of the voxels are removed.</param>
    /// <param name="random">The batch's random numbers.</param>
    public static void Apply(Tensor label, double largestShare, BatchRandom random)
    {
        using var scope = NewDisposeScope();
        int[] shape = [.. Enumerable.Repeat(1, 3 - label.shape.Length), .. label.shape.Select(n => (int)n)];
        var voxels = label.ne(0).cpu().contiguous().data<bool>().ToArray();
        var components = new ConnectedComponents(new BinaryMask(voxels, shape));
        int[] small = [.. Enumerable.Range(0, components.Sizes.Count)
            .Where(i => components.Sizes[i] < largestShare * voxels.Length)];
        if (small.Length == 0)
            return;
        var removed = components[small[random.Below(small.Length)]];
        label.masked_fill_(tensor(removed.Voxels, device: label.device).view(label.shape), 0);
    }
}
