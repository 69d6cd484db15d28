using MedSegDsl.Runtime.Imaging;
using MedSegDsl.Runtime.Nifti;

namespace MedSegDsl.Runtime.Conversion;

/// <summary>One label map from one mask file a class (TotalSegmentator's
/// resources/convert_dataset_to_nnunet.py).</summary>
internal static class MaskMerge
{
    /// <summary>Writes a label map on the image's grid: mask i, from 1 on, where it is above zero; later masks
    /// over earlier ones.</summary>
    /// <exception cref="UserException">A file cannot be read, or a mask has another shape than the
    /// image.</exception>
    public static void Write(string target, string image, IReadOnlyList<string> masks)
    {
        var (header, _) = NiftiFile.ReadHeader(image);
        ImageArray<short> labels = new(1, [header.Shape[2], header.Shape[1], header.Shape[0]]);
        for (var i = 0; i < masks.Count; i++)
        {
            var shape = NiftiFile.ReadHeader(masks[i]).Header.Shape;
            if (!shape.AsSpan().SequenceEqual(header.Shape))
                throw new UserException(
                    $"{masks[i]}: has {string.Join(" × ", shape)} voxels (x, y, z), but its image has {string.Join(" × ", header.Shape)}");
            var label = (short)(i + 1);
            NiftiFile.Scan(masks[i], (start, values) =>
            {
                for (var voxel = 0; voxel < values.Length; voxel++)
                    if (values[voxel] > 0)
                        labels.Data[start + voxel] = label;
            });
        }

        NiftiFile.WriteLabels(target, labels, header);
    }
}
