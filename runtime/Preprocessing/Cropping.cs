using MedSegDsl.Runtime.Imaging;

namespace MedSegDsl.Runtime.Preprocessing;

/// <summary>Cuts a case to the box of its nonzero voxels (nnU-Net v2: acvl_utils crop_to_nonzero).</summary>
public static class Cropping
{
    /// <summary>
    /// The box around every voxel that is nonzero in any channel; the whole volume when there is none. Image
    /// and segmentation are cut to it. Then a voxel with label 0 outside the nonzero mask (its holes filled)
    /// becomes −1.
    /// </summary>
    /// <param name="image">Channels of (z, y, x).</param>
    /// <param name="segmentation">One channel of the same shape; without one, all voxels count as label
    /// 0.</param>
    /// <returns>New arrays, except that an image which is not cut, and labels that do not change, are returned as they
    /// are.</returns>
    /// <exception cref="ArgumentException">The segmentation has another shape.</exception>
    public static CroppedCase CropToNonzero(ImageArray<float> image, ImageArray<short>? segmentation)
    {
        if (segmentation is not null && !segmentation.Shape.AsSpan().SequenceEqual(image.Shape))
            throw new ArgumentException(
                $"image {string.Join(" × ", image.Shape)}, segmentation {string.Join(" × ", segmentation.Shape)}");
        var box = NonzeroMask.Box(image);
        var cropped = Crop(image, box);
        var labels = segmentation is null ? new ImageArray<short>(1, cropped.Shape) : Crop(segmentation, box);
        NonzeroMask.ForEachOutsideRun(cropped, (start, length) =>
        {
            if (!labels.Data.AsSpan(start, length).Contains((short)0))
                return;
            // The caller's own labels stay as they are.
            if (ReferenceEquals(labels, segmentation))
                labels = new([.. segmentation.Data], 1, cropped.Shape);
            labels.Data.AsSpan(start, length).Replace((short)0, (short)-1);
        });
        return new CroppedCase(cropped, labels, box);
    }

    /// <summary>Cuts an array to a half-open box [[z0, z1], [y0, y1], [x0, x1]]; the whole box returns the
    /// array itself.</summary>
    public static ImageArray<T> Crop<T>(ImageArray<T> image, int[][] box) where T : unmanaged
    {
        var shape = Array.ConvertAll(box, axis => axis[1] - axis[0]);
        if (shape.AsSpan().SequenceEqual(image.Shape))
            return image;
        var result = new ImageArray<T>(image.Channels, shape);
        for (var channel = 0; channel < image.Channels; channel++)
        {
            var from = image.Channel(channel);
            var to = result.Channel(channel);
            for (var z = 0; z < shape[0]; z++)
                for (var y = 0; y < shape[1]; y++)
                {
                    var row = ((z + box[0][0]) * image.Shape[1] + y + box[1][0]) * image.Shape[2] + box[2][0];
                    from.Slice(row, shape[2]).CopyTo(to.Slice((z * shape[1] + y) * shape[2], shape[2]));
                }
        }

        return result;
    }
}

/// <summary>A case cut to its nonzero box.</summary>
/// <param name="Image">Channels of (z, y, x).</param>
/// <param name="Segmentation">One channel; −1 outside the nonzero mask.</param>
/// <param name="Box">The half-open box [[z0, z1], [y0, y1], [x0, x1]] in the uncut image.</param>
public sealed record CroppedCase(ImageArray<float> Image, ImageArray<short> Segmentation, int[][] Box);
