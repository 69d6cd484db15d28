using MedSegDsl.Runtime.Imaging;

namespace MedSegDsl.Runtime.Nifti;

/// <summary>Which of nnU-Net's readers is followed; they differ in spacing and axis order.</summary>
public enum NiftiConvention
{
    /// <summary>NibabelIO: file order, pixdim as spacing whatever its unit.</summary>
    Nibabel,

    /// <summary>NibabelIOWithReorient: axes reordered to the nearest right, anterior, superior.</summary>
    NibabelReoriented,

    /// <summary>SimpleITKIO: file order, spacing in mm.</summary>
    SimpleItk,
}

/// <summary>NIfTI files as nnU-Net's readers deliver them: float32, (z, y, x).</summary>
public sealed class NiftiReader(NiftiConvention convention) : IImageReader
{
    /// <inheritdoc/>
    public string Name => convention switch
    {
        NiftiConvention.Nibabel => "NibabelIO",
        NiftiConvention.NibabelReoriented => "NibabelIOWithReorient",
        _ => "SimpleITKIO",
    };

    /// <inheritdoc/>
    public IReadOnlyList<string> FileEndings { get; } =
        convention == NiftiConvention.SimpleItk ? [".nii.gz"] : [".nii", ".nii.gz"];

    /// <inheritdoc/>
    public LoadedImage<float> Read(string file)
    {
        var (voxels, header, bytes) = NiftiFile.Read(file);
        return Deliver(voxels, header, bytes, file);
    }

    /// <inheritdoc/>
    public LoadedImage<short> ReadLabels(string file)
    {
        var (voxels, header, bytes) = NiftiFile.ReadLabels(file);
        return Deliver(voxels, header, bytes, file);
    }

    /// <inheritdoc/>
    public void Write(string file, ImageArray<float> image, ImageGeometry geometry)
    {
        var (voxels, header) = Restore(image, geometry, file);
        NiftiFile.Write(file, voxels, header);
    }

    /// <inheritdoc/>
    public void WriteLabels(string file, ImageArray<short> labels, ImageGeometry geometry)
    {
        var (voxels, header) = Restore(labels, geometry, file);
        NiftiFile.WriteLabels(file, voxels, header);
    }

    private LoadedImage<T> Deliver<T>(ImageArray<T> voxels, NiftiHeader header, byte[] bytes, string file) where T : unmanaged
    {
        var affine = NiftiAffine.Of(header, file);
        var unit = convention != NiftiConvention.SimpleItk ? 1 : (header.Units & 7) switch { 1 => 1000, 3 => 0.001, _ => 1.0 };
        var (x, y, z) = (header.VoxelSize[0] * unit, header.VoxelSize[1] * unit, header.VoxelSize[2] * unit);

        // A 2D image: a slice so thick that no rule takes it for a volume.
        double[] spacing = header.Dimensions == 2 ? [999 * Math.Max(x, y), y, x] : [z, y, x];
        if (convention != NiftiConvention.NibabelReoriented)
            return new(voxels, new(spacing, affine, bytes));
        var orientation = AxisOrientation.Of(affine);
        return new(
            orientation.ToCanonical(voxels),
            new(orientation.SpacingToCanonical(spacing), orientation.AffineToCanonical(affine, voxels.Shape), bytes));
    }

    // The header of the file that the geometry came from, and the voxels in that file's axis order.
    private (ImageArray<T> Voxels, NiftiHeader Header) Restore<T>(ImageArray<T> voxels, ImageGeometry geometry, string file)
        where T : unmanaged
    {
        if (voxels.Channels != 1)
            throw new ArgumentException($"{voxels.Channels} channels do not fit in one volume");
        if (geometry.Header is not { } bytes || bytes.Length == 0 || NiftiHeader.SizeOf(bytes) != bytes.Length)
            return (voxels, FromAffine(geometry, voxels.Shape));
        var header = NiftiHeader.Parse(bytes, file);
        return convention == NiftiConvention.NibabelReoriented
            ? (AxisOrientation.Of(NiftiAffine.Of(header, file)).FromCanonical(voxels), header)
            : (voxels, header);
    }

    // NIfTI-1, affine as sform with the code of scanner coordinates.
    private static NiftiHeader FromAffine(ImageGeometry geometry, int[] shape) => new()
    {
        Version = shape.Max() > short.MaxValue ? 2 : 1,
        Shape = [shape[2], shape[1], shape[0]],
        Type = VoxelType.Float32,
        VoxelSize = [geometry.Spacing[2], geometry.Spacing[1], geometry.Spacing[0]],
        SFormCode = 1,
        SForm = [.. Enumerable.Range(0, 12).Select(i => geometry.Affine[i / 4, i % 4])],
    };
}
