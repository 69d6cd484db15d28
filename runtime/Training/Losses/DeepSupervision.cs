using static TorchSharp.torch;

namespace MedSegDsl.Runtime.Training.Losses;

/// <summary>Class maps of several resolutions share one loss (nnU-Net v2's deep supervision).</summary>
public static class DeepSupervision
{
    /// <summary>The weights of the maps, highest resolution first: 1/2^i, the last one 0, divided by their sum. A single
    /// map has weight 1.</summary>
    public static double[] Weights(int maps)
    {
        if (maps == 1)
            return [1.0];
        var raw = Enumerable.Range(0, maps).Select(i => i == maps - 1 ? 0.0 : Math.Pow(0.5, i)).ToArray();
        var sum = raw.Sum();
        return [.. raw.Select(w => w / sum)];
    }

    /// <summary>The size of a target: round(patch · scale) along each axis, half to even.</summary>
    public static int[] TargetSize(IReadOnlyList<int> patch, IReadOnlyList<double> scale) =>
        [.. patch.Select((n, axis) => (int)Math.Round(n * scale[axis]))];

    /// <summary>Nearest sampling of a target (B, channels, …) at a map's size: voxel j is voxel
    /// floor((j + ½) · in / out) of the input.</summary>
    /// <param name="target">Labels or 0/1 channels at full resolution.</param>
    /// <param name="size">The map's spatial size.</param>
    public static Tensor Downsample(Tensor target, ReadOnlySpan<long> size)
    {
        using var scope = NewDisposeScope();
        var result = target;
        for (var axis = 0; axis < size.Length; axis++)
        {
            var (from, to) = (target.shape[axis + 2], size[axis]);
            if (from == to)
                continue;
            if (from % to == 0)
            {
                // A view: copying indices to a GPU would wait for all work before it.
                var step = from / to;
                result = result.slice(axis + 2, step / 2, from, step);
                continue;
            }

            // (2j + 1) · in / (2 · out) in whole numbers: exact where the formula in floating point could round.
            var source = Enumerable.Range(0, (int)to).Select(j => (2L * j + 1) * from / (2 * to)).ToArray();
            result = result.index_select(axis + 2, tensor(source, device: target.device));
        }

        return (ReferenceEquals(result, target) ? target.alias() : result).MoveToOuterDisposeScope();
    }
}
