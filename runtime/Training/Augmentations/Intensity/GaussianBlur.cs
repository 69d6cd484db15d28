using MedSegDsl.Runtime.Training.Loading;
using static TorchSharp.torch;

namespace MedSegDsl.Runtime.Training.Augmentations.Intensity;

/// <summary>A Gaussian filter, axis by axis, the volume reflected at its border without repeating it (batchgeneratorsv2,
/// GaussianBlurTransform).</summary>
public sealed class GaussianBlur(Interval sigma, bool perAxis) : IntensityTransform
{
    /// <summary>How many sigmas the filter is long.</summary>
    private const double Truncation = 6;

    /// <inheritdoc/>
    public override void Apply(Tensor rows, IReadOnlyList<int> samples, BatchRandom random)
    {
        var axes = rows.shape.Length - 1;
        Apply(rows, [.. samples.Select(_ =>
        {
            var common = random.Uniform(sigma);
            return Enumerable.Range(0, axes).Select(_ => perAxis ? random.Uniform(sigma) : common).ToArray();
        })]);
    }

    /// <summary>Blurs channels in place.</summary>
    /// <param name="rows">The channels.</param>
    /// <param name="sigmas">For each channel the sigma along each axis, in voxels.</param>
    public static void Apply(Tensor rows, IReadOnlyList<double[]> sigmas)
    {
        using var scope = NewDisposeScope();
        var current = rows;
        for (var i = 0; i < rows.shape.Length - 1; i++)
        {
            using var axisScope = NewDisposeScope();
            current = Along(i + 1, current, [.. sigmas.Select(s => s[i])]).MoveToOuterDisposeScope();
        }

        rows.copy_(current);
    }

    /// <summary>The filter's weights: an odd number of them, nearest to 6·sigma + ½.</summary>
    public static double[] Weights(double sigma)
    {
        var length = Truncation * sigma + 0.5;
        var odd = (int)Math.Round(length);
        if (odd % 2 == 0)
            odd += length >= odd ? 1 : -1;
        var weights = Enumerable.Range(-(odd / 2), odd).Select(x => Math.Exp(-0.5 * x * x / (sigma * sigma))).ToArray();
        var sum = weights.Sum();
        return [.. weights.Select(w => w / sum)];
    }

    private static Tensor Along(int axis, Tensor rows, double[] sigmas)
    {
        double[][] weights = [.. sigmas.Select(Weights)];
        var reach = weights.Max(w => w.Length / 2);
        var length = rows.shape[axis];
        var reflected = rows.index_select(axis, tensor(Reflected(length, reach), device: rows.device));
        var result = zeros_like(rows);
        for (var offset = -reach; offset <= reach; offset++)
        {
            var weight = PerRow(weights.Select(w => Math.Abs(offset) > w.Length / 2 ? 0 : w[offset + w.Length / 2]), rows);
            result.addcmul_(reflected.narrow(axis, offset + reach, length), weight, value: 1);
        }

        return result;
    }

    /// <summary>The voxels from −reach to length + reach − 1, folded back into the volume as often as need be.</summary>
    private static long[] Reflected(long length, int reach)
    {
        var period = Math.Max(1, 2 * (length - 1));
        return [.. Enumerable.Range(-reach, (int)length + 2 * reach).Select(i =>
        {
            var folded = (i % period + period) % period;
            return Math.Min(folded, period - folded) % length;
        })];
    }
}
