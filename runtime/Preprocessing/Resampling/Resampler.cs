using MedSegDsl.Runtime.Imaging;
using MedSegDsl.Runtime.Planning;

namespace MedSegDsl.Runtime.Preprocessing.Resampling;

/// <summary>
/// Resamples images, logits and label maps to a given shape (nnU-Net v2: resample_data_or_seg_to_shape).
/// Shapes and spacings are in the order of the volume's axes; spacings in mm only decide whether an axis is
/// resampled separately.
/// </summary>
public static class Resampler
{
    /// <summary>Resamples every channel of an image; an unchanged shape returns the image itself.</summary>
    /// <exception cref="UserException">An order other than 0 to 3, or an axis without voxels.</exception>
    public static ImageArray<float> ResampleImage(
        ImageArray<float> image, int[] newShape,
        IReadOnlyList<double> spacing, IReadOnlyList<double> newSpacing, ResamplingSettings settings, int threads = 1)
    {
        if (newShape.AsSpan().SequenceEqual(image.Shape))
            return image;
        var result = new ImageArray<float>(image.Channels, newShape);
        for (var channel = 0; channel < image.Channels; channel++)
            ResampleChannel(
                image.Data.AsMemory(channel * image.VoxelCount, image.VoxelCount), image.Shape,
                result.Data.AsMemory(channel * result.VoxelCount, result.VoxelCount), newShape,
                spacing, newSpacing, settings, threads);
        return result;
    }

    /// <summary>Resamples one channel into memory of the caller.</summary>
    /// <param name="input">z · y · x values; not changed unless it is the scratch memory too.</param>
    /// <param name="shape">Voxels along z, y, x.</param>
    /// <param name="output">Values of the new shape; must not overlap the input.</param>
    /// <param name="newShape">Voxels along z, y, x afterwards.</param>
    /// <param name="spacing">Spacing of the input, mm.</param>
    /// <param name="newSpacing">Spacing of the output, mm.</param>
    /// <param name="settings">Spline orders, and whether an axis is separate.</param>
    /// <param name="threads">Threads to use.</param>
    /// <param name="scratch">Memory as long as the input that may be overwritten; may be the input's own, to
    /// hold less.</param>
    /// <exception cref="UserException">An order other than 0 to 3, or an axis without voxels.</exception>
    public static void ResampleChannel(
        ReadOnlyMemory<float> input, int[] shape, Memory<float> output, int[] newShape,
        IReadOnlyList<double> spacing, IReadOnlyList<double> newSpacing, ResamplingSettings settings, int threads = 1,
        Memory<float> scratch = default)
    {
        if (newShape.AsSpan().SequenceEqual(shape))
            input.CopyTo(output);
        else if (SeparateAxis.Decide(spacing, newSpacing, settings.ForceSeparateZ) is { } axis)
            SliceResize.AlongAxis(axis, input, shape, output, newShape, (from, before, to, after) =>
                SliceResize.Image(from, before, to, after, settings, threads));
        else
            PlainResize.Resize(input, shape, output, newShape, settings.Order, threads, scratch);
    }

    /// <summary>
    /// Resamples a label map: order 0 by the nearest voxel, higher orders by the mask of each label, of which
    /// the highest label that reaches 0.5 wins; 0 where none does. An unchanged shape returns the map itself.
    /// </summary>
    /// <exception cref="UserException">An order other than 0 to 3, or an axis without voxels.</exception>
    public static ImageArray<short> ResampleSegmentation(
        ImageArray<short> segmentation, int[] newShape,
        IReadOnlyList<double> spacing, IReadOnlyList<double> newSpacing, ResamplingSettings settings, int threads = 1)
    {
        if (newShape.AsSpan().SequenceEqual(segmentation.Shape))
            return segmentation;
        var axis = SeparateAxis.Decide(spacing, newSpacing, settings.ForceSeparateZ);
        var result = new ImageArray<short>(segmentation.Channels, newShape);
        for (var channel = 0; channel < segmentation.Channels; channel++)
        {
            var input = segmentation.Data.AsMemory(channel * segmentation.VoxelCount, segmentation.VoxelCount);
            var output = result.Data.AsMemory(channel * result.VoxelCount, result.VoxelCount);
            if (axis is { } separate)
                SliceResize.AlongAxis<short>(
                    separate, input, segmentation.Shape, output, newShape,
                    (from, before, to, after) => SliceResize.Labels(from, before, to, after, settings, threads));
            else
                LabelMasks.Resize(input, segmentation.Shape, output, newShape, settings.Order, threads);
        }

        return result;
    }
}
