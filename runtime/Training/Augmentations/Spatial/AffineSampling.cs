using TorchSharp;
using static TorchSharp.torch;

namespace MedSegDsl.Runtime.Training.Augmentations.Spatial;

/// <summary>
/// Samples a turned and scaled patch from the middle of a volume: output voxel k of a patch of size P is read at
/// M·(k − (P − 1)/2) + (n − 1)/2 (batchgeneratorsv2, SpatialTransform). Coordinates are in the order of the array's axes.
/// </summary>
public static class AffineSampling
{
    /// <summary>Labels whose masks are interpolated at a time; bounds the memory.</summary>
    private const int LabelsAtOnce = 16;

    /// <summary>Interpolated masks are compared in float16 at this scale, as nnU-Net does.</summary>
    private const double MaskScale = 1000;

    /// <summary>M = Rz·Ry·Rx·S in 3D, where Rx turns axes 1 and 2, Ry axes 0 and 2, Rz axes 0 and 1; R·S in 2D.</summary>
    /// <param name="angles">Radians: three in 3D, about axis 0, 1, 2; in 2D the last one counts.</param>
    /// <param name="scales">One for each axis; above 1 shows more of the volume.</param>
    public static double[,] Matrix(IReadOnlyList<double> angles, IReadOnlyList<double> scales)
    {
        if (scales.Count == 2)
        {
            var (c, s) = (Math.Cos(angles[^1]), Math.Sin(angles[^1]));
            return new[,] { { c * scales[0], -s * scales[1] }, { s * scales[0], c * scales[1] } };
        }

        var (cx, sx) = (Math.Cos(angles[0]), Math.Sin(angles[0]));
        var (cy, sy) = (Math.Cos(angles[1]), Math.Sin(angles[1]));
        var (cz, sz) = (Math.Cos(angles[2]), Math.Sin(angles[2]));
        var matrix = new[,]
        {
            { cz * cy, cz * sy * sx - sz * cx, cz * sy * cx + sz * sx },
            { sz * cy, sz * sy * sx + cz * cx, sz * sy * cx - cz * sx },
            { -sy, cy * sx, cy * cx },
        };
        for (var row = 0; row < 3; row++)
            for (var column = 0; column < 3; column++)
                matrix[row, column] *= scales[column];
        return matrix;
    }

    /// <summary>Where libtorch's grid sampling reads: (1, P…, axes), the last axis first, from −1 to 1 between the outer
    /// faces of the volume's border voxels.</summary>
    /// <param name="matrix">M.</param>
    /// <param name="size">The patch.</param>
    /// <param name="volume">The volume's voxels along each axis.</param>
    /// <param name="device">Where to make it.</param>
    public static Tensor Grid(double[,] matrix, IReadOnlyList<int> size, IReadOnlyList<long> volume, torch.Device device)
    {
        using var scope = NewDisposeScope();
        var axes = size.Count;
        var theta = new float[axes * (axes + 1)];
        for (var row = 0; row < axes; row++)
            for (var column = 0; column < axes; column++)
            {
                var (to, from) = (axes - 1 - row, axes - 1 - column);
                theta[row * (axes + 1) + column] = (float)(matrix[to, from] * size[from] / volume[to]);
            }

        var affine = tensor(theta, device: device).view(1, axes, axes + 1);
        return nn.functional.affine_grid(affine, [1, 1, .. size.Select(n => (long)n)], align_corners: false)
            .MoveToOuterDisposeScope();
    }

    /// <summary>Linear interpolation of an image; neighbours outside the volume count as 0.</summary>
    /// <param name="image">(C, …) in float32.</param>
    /// <param name="grid">See <see cref="Grid"/>.</param>
    /// <returns>(C, P…).</returns>
    public static Tensor Image(Tensor image, Tensor grid) => Sample(image.unsqueeze(0), grid).squeeze_(0);

    /// <summary>The label whose mask, interpolated linearly, is largest (the lowest on ties); −1 where the position is outside
    /// the volume.</summary>
    /// <param name="segmentation">(S, …) in int16.</param>
    /// <param name="grid">See <see cref="Grid"/>.</param>
    /// <returns>(S, P…).</returns>
    public static Tensor Segmentation(Tensor segmentation, Tensor grid)
    {
        using var scope = NewDisposeScope();
        var channels = segmentation.shape[0];
        var axes = segmentation.shape.Length - 1;
        var everywhere = grid.expand([channels, .. grid.shape[1..]]);
        var (labels, _, _) = segmentation.unique();
        Tensor? best = null, result = null;
        for (var first = 0L; first < labels.numel(); first += LabelsAtOnce)
        {
            using var chunk = NewDisposeScope();
            var some = labels.narrow(0, first, Math.Min(LabelsAtOnce, labels.numel() - first));
            var masks = segmentation.unsqueeze(1).eq(some.view([-1, .. Enumerable.Repeat(1L, axes)]));
            var (value, index) = Sample(masks.to(ScalarType.Float32).mul_(MaskScale), everywhere).to(ScalarType.Float16).max(1);
            var label = some.index_select(0, index.flatten()).view(index.shape);
            if (best is not null)
            {
                var better = value.gt(best);
                label = label.where(better, result!);
                value = value.where(better, best);
            }

            (best, result) = (value.MoveToOuterDisposeScope(), label.MoveToOuterDisposeScope());
        }

        return result!.masked_fill_(Outside(grid, segmentation.shape[1..]), -1).MoveToOuterDisposeScope();
    }

    /// <summary>Whether a position lies beyond the centre of a border voxel: (1, P…).</summary>
    private static Tensor Outside(Tensor grid, long[] volume)
    {
        var border = tensor(volume.Reverse().Select(n => 1 - 1f / n).ToArray(), device: grid.device);
        return grid.abs().gt(border).any(-1);
    }

    private static Tensor Sample(Tensor volumes, Tensor grid) => nn.functional.grid_sample(
        volumes, grid, GridSampleMode.Bilinear, GridSamplePaddingMode.Zeros, align_corners: false);
}
