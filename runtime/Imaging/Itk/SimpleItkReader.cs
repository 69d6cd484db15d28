using System.Numerics.Tensors;
using MedSegDsl.Runtime.Nifti;

namespace MedSegDsl.Runtime.Imaging.Itk;

/// <summary>nnU-Net's SimpleITKIO: NIfTI, NRRD and MetaImage in file order, spacing in mm.</summary>
public sealed class SimpleItkReader : IImageReader
{
    private readonly NiftiReader nifti = new(NiftiConvention.SimpleItk);

    /// <inheritdoc/>
    public string Name => "SimpleITKIO";

    /// <summary>nnU-Net's list, and .mhd, which its SimpleITKIO opens too where dataset.json names
    /// it.</summary>
    public IReadOnlyList<string> FileEndings { get; } = [".nii.gz", ".nrrd", ".mha", ".mhd"];

    /// <inheritdoc/>
    public LoadedImage<float> Read(string file)
    {
        if (!IsItk(file))
            return nifti.Read(file);
        ImageArray<float>? voxels = null;
        var header = ItkFile.Read(file, header =>
        {
            var image = voxels = new(1, header.Shape3D);
            return (start, values) => TensorPrimitives.ConvertTruncating(values, image.Data.AsSpan(start, values.Length));
        });
        return new(voxels!, header.Geometry.ToImage());
    }

    /// <inheritdoc/>
    public LoadedImage<short> ReadLabels(string file)
    {
        if (!IsItk(file))
            return nifti.ReadLabels(file);
        ImageArray<short>? voxels = null;
        var header = ItkFile.Read(file, header =>
        {
            var labels = voxels = new(1, header.Shape3D);
            return (start, values) => LabelValues.Take(file, values, labels.Data.AsSpan(start, values.Length));
        });
        return new(voxels!, header.Geometry.ToImage());
    }

    /// <inheritdoc/>
    public void Write(string file, ImageArray<float> image, ImageGeometry geometry)
    {
        if (image.Channels != 1)
            throw new ArgumentException($"{image.Channels} channels do not fit in one volume");
        if (IsItk(file))
            ItkFile.Write(file, image.Shape, VoxelType.Float32, ItkGeometry.Of(geometry), stream => StoredVoxels.Write<float, float>(stream, image.Channel(0)));
        else
            nifti.Write(file, image, geometry);
    }

    /// <inheritdoc/>
    public void WriteLabels(string file, ImageArray<short> labels, ImageGeometry geometry)
    {
        if (!IsItk(file))
            nifti.WriteLabels(file, labels, geometry);
        else if (LabelValues.FitByte(labels))
            ItkFile.Write(file, labels.Shape, VoxelType.UInt8, ItkGeometry.Of(geometry), stream => StoredVoxels.Write<short, byte>(stream, labels.Channel(0)));
        else
            ItkFile.Write(file, labels.Shape, VoxelType.UInt16, ItkGeometry.Of(geometry), stream => StoredVoxels.Write<short, ushort>(stream, labels.Channel(0)));
    }

    /// <summary>Whether the file is NRRD or MetaImage by its ending.</summary>
    internal static bool IsItk(string file) =>
        new[] { ".nrrd", ".mha", ".mhd" }.Any(ending => file.EndsWith(ending, StringComparison.OrdinalIgnoreCase));
}
