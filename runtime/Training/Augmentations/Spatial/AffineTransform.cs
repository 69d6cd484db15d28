using MedSegDsl.Runtime.Training.Loading;
using MedSegDsl.Runtime.Training.Sampling;
using static TorchSharp.torch;

namespace MedSegDsl.Runtime.Training.Augmentations.Spatial;

/// <summary>
/// Cuts each sample to the patch, turned and scaled at random (batchgeneratorsv2, SpatialTransform). Thin patches are
/// transformed slice by slice: their slices become channels for the time being (nnU-Net's dummy 2D).
/// </summary>
internal static class AffineTransform
{
    public static void Apply(
        AugmentedBatch batch, IReadOnlyList<int> samples, AffineChange change, PatchGeometry geometry, BatchRandom random)
    {
        int[] size = geometry.IsDummy2D ? geometry.Patch[1..] : geometry.Patch;
        var matrices = samples.ToDictionary(sample => sample, _ => Draw(change, size.Length, geometry.MaximalRotation, random));
        var (channels, segmentations) = (batch.Channels, batch.Segmentation.shape[1]);
        if (geometry.IsDummy2D)
            (batch.Image, batch.Segmentation) = (batch.Image.flatten(1, 2), batch.Segmentation.flatten(1, 2));
        var volume = batch.Image.shape[2..];
        var image = CentralCrop.Apply(batch.Image, size, 0);
        var segmentation = CentralCrop.Apply(batch.Segmentation, size, -1);
        if (matrices.Values.Any(matrix => matrix is not null))
            (image, segmentation) = (image.clone(), segmentation.clone());
        foreach (var (sample, drawn) in matrices)
        {
            if (drawn is not { } matrix)
                continue;
            using var scope = NewDisposeScope();
            var grid = AffineSampling.Grid(matrix, size, volume, batch.Image.device);
            image[sample].copy_(AffineSampling.Image(batch.Image[sample], grid));
            segmentation[sample].copy_(AffineSampling.Segmentation(batch.Segmentation[sample], grid));
        }

        if (geometry.IsDummy2D)
        {
            image = image.view([image.shape[0], channels, -1, .. image.shape[2..]]);
            segmentation = segmentation.view([segmentation.shape[0], segmentations, -1, .. segmentation.shape[2..]]);
        }

        (batch.Image, batch.Segmentation) = (image.contiguous(), segmentation.contiguous());
    }

    /// <summary>The matrix of a sample; null where it is neither turned nor scaled.</summary>
    private static double[,]? Draw(AffineChange change, int dimensions, double maximalRotation, BatchRandom random)
    {
        var (turned, scaled) = (random.Chance(change.RotationProbability), random.Chance(change.ScalingProbability));
        double[] angles = [.. Enumerable.Range(0, dimensions == 2 ? 1 : 3).Select(_ =>
        {
            var angle = random.Uniform(-maximalRotation, maximalRotation);
            return turned && random.Chance(change.AxisProbability) ? angle : 0;
        })];
        var common = random.Uniform(change.Scaling);
        double[] scales = [.. Enumerable.Range(0, dimensions).Select(_ =>
            !scaled ? 1 : change.ScalingPerAxis ? random.Uniform(change.Scaling) : common)];
        return turned || scaled ? AffineSampling.Matrix(angles, scales) : null;
    }
}
