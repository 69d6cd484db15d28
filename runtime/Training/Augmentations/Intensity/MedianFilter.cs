using MedSegDsl.Runtime.Training.Loading;
using static TorchSharp.torch;

namespace MedSegDsl.Runtime.Training.Augmentations.Intensity;

/// <summary>The median of a cube around each voxel, the volume mirrored at its border; of an even number of values the
/// upper median (batchgeneratorsv2, MedianFilterTransform; scipy, median_filter).</summary>
public sealed class MedianFilter(int smallest, int largest) : IntensityTransform
{
    /// <summary>Values that are ordered at a time; bounds the memory.</summary>
    private const long ValuesAtOnce = 1 << 24;

    /// <inheritdoc/>
    public override void Apply(Tensor rows, IReadOnlyList<int> samples, BatchRandom random)
    {
        for (var row = 0; row < samples.Count; row++)
        {
            using var scope = NewDisposeScope();
            Apply(rows[row], random.Between(smallest, largest));
        }
    }

    /// <summary>Filters a channel in place.</summary>
    /// <param name="volume">(D, H, W) or (H, W).</param>
    /// <param name="size">Voxels along each side of the cube: from floor(size/2) before a voxel on.</param>
    public static void Apply(Tensor volume, int size)
    {
        using var scope = NewDisposeScope();
        var padded = volume;
        for (var axis = 0; axis < volume.shape.Length; axis++)
            padded = padded.index_select(axis, tensor(Mirrored(volume.shape[axis], size), device: volume.device));
        var cube = (long)Math.Pow(size, volume.shape.Length);
        var slice = volume.shape[1..].Aggregate(cube, (product, n) => product * n);
        var slices = (int)Math.Clamp(ValuesAtOnce / slice, 1, volume.shape[0]);
        for (var first = 0L; first < volume.shape[0]; first += slices)
        {
            using var slab = NewDisposeScope();
            var count = Math.Min(slices, volume.shape[0] - first);
            var windows = padded.narrow(0, first, count + size - 1);
            for (var axis = 0; axis < volume.shape.Length; axis++)
                windows = windows.unfold(axis, size, 1);
            var (medians, _) = windows.reshape(-1, cube).kthvalue(cube / 2 + 1, 1);
            var target = volume.narrow(0, first, count);
            target.copy_(medians.view(target.shape));
        }
    }

    /// <summary>The voxels that the cubes along an axis reach, mirrored at the border with the border repeated.</summary>
    private static long[] Mirrored(long length, int size) =>
        [.. Enumerable.Range(-(size / 2), (int)length + size - 1).Select(i =>
        {
            var folded = (i % (2 * length) + 2 * length) % (2 * length);
            return Math.Min(folded, 2 * length - 1 - folded);
        })];
}
