using MedSegDsl.Runtime.Training.Loading;

namespace MedSegDsl.Runtime.Training.Sampling;

/// <summary>Where patches lie in an image (nnU-Net v2, dataloading/data_loader.py). The lower corner of a patch may lie
/// outside the image, so that its border is seen as often as its centre.</summary>
/// <param name="initial">What is cut from the image, voxels along each axis.</param>
/// <param name="final">What the network sees after the spatial transform.</param>
public sealed class PatchPlacement(IReadOnlyList<int> initial, IReadOnlyList<int> final)
{
    /// <summary>The lowest and highest corner of a randomly placed patch along an axis, both included.</summary>
    /// <param name="image">Voxels of the image along the axis.</param>
    /// <param name="axis">The axis.</param>
    public (int Lowest, int Highest) Range(int image, int axis)
    {
        var pad = Math.Max(initial[axis] - final[axis], initial[axis] - image);
        var half = Math.DivRem(pad, 2, out var odd);
        return (-(half + odd), image + half + odd - initial[axis]);
    }

    /// <summary>A corner drawn uniformly from the range of each axis.</summary>
    public int[] Random(IReadOnlyList<int> image, BatchRandom random)
    {
        var corner = new int[image.Count];
        for (var axis = 0; axis < corner.Length; axis++)
        {
            var (lowest, highest) = Range(image[axis], axis);
            corner[axis] = random.Between(lowest, highest);
        }

        return corner;
    }

    /// <summary>The corner of a patch that has a voxel in its centre. Only the lower border holds it back: the patch may
    /// run over the far border of the image.</summary>
    public int[] Around(IReadOnlyList<int> image, IReadOnlyList<int> voxel) =>
        [.. voxel.Select((v, axis) => Math.Max(Range(image[axis], axis).Lowest, v - initial[axis] / 2))];
}
