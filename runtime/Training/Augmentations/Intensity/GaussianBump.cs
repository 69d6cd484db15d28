using MedSegDsl.Runtime.Training.Loading;
using static TorchSharp.torch;

namespace MedSegDsl.Runtime.Training.Augmentations.Intensity;

/// <summary>
/// A wide Gaussian over a volume, from 0 where it is lowest to 1 at its top, which may lie outside (batchgeneratorsv2,
/// LocalTransform, with the widths of nnU-Net's nnUNetTrainerDA5).
/// </summary>
internal static class GaussianBump
{
    /// <summary>Draws a bump for each channel: (R, D, H, W) or (R, H, W).</summary>
    public static Tensor Draw(Tensor rows, BatchRandom random)
    {
        using var scope = NewDisposeScope();
        var axes = rows.shape.Length - 1;
        var bumps = Enumerable.Range(0, (int)rows.shape[0]).Select(_ =>
        {
            var product = ones(Enumerable.Repeat(1L, axes).ToArray(), device: rows.device);
            for (var axis = 0; axis < axes; axis++)
            {
                var shape = Enumerable.Repeat(1L, axes).ToArray();
                shape[axis] = -1;
                product = product * Profile((int)rows.shape[axis + 1], random).to(rows.device).view(shape);
            }

            product.sub_(product.min());
            return product.div_(product.max().clamp_min(float.Epsilon));
        });
        return stack(bumps.ToArray()).MoveToOuterDisposeScope();
    }

    /// <summary>The Gaussian's share of each voxel along an axis: the centre anywhere from half a volume before it to half a
    /// volume after it, the deviation from a sixth of it to all of it, uniform in its logarithm.</summary>
    private static Tensor Profile(int length, BatchRandom random)
    {
        var centre = random.Uniform(-0.5, 1.5) * length;
        var deviation = Math.Exp(random.Uniform(Math.Log(Math.Max(1, length / 6)), Math.Log(length)));
        var faces = Enumerable.Range(0, length + 1).Select(i => (i - 0.5 - centre) / (deviation * Math.Sqrt(2))).ToArray();
        return tensor(faces).erf().diff().to(ScalarType.Float32);
    }
}
