using System.Buffers.Binary;
using MedSegDsl.Runtime.Imaging;

namespace MedSegDsl.Runtime.Nifti;

/// <summary>The header of a NIfTI-1 or NIfTI-2 file, either byte order (nifti.nimh.nih.gov: nifti1.h,
/// nifti2.h).</summary>
public sealed class NiftiHeader
{
    /// <summary>Size of a NIfTI-1 header.</summary>
    public const int Size1 = 348;

    /// <summary>Size of a NIfTI-2 header.</summary>
    public const int Size2 = 540;

    /// <summary>1 or 2.</summary>
    public int Version { get; init; } = 1;

    /// <summary>True where the file's numbers have their high byte first.</summary>
    public bool BigEndian { get; init; }

    /// <summary>Voxels along x, y, z.</summary>
    public required int[] Shape { get; init; }

    /// <summary>Numbers of dimensions in the file: 2 or more; those after the third have length 1.</summary>
    public int Dimensions { get; init; } = 3;

    /// <summary>How values are stored.</summary>
    public required VoxelType Type { get; init; }

    /// <summary>Voxel sizes along x, y, z in the unit of <see cref="Units"/>; never zero or
    /// negative.</summary>
    public required double[] VoxelSize { get; init; }

    /// <summary>−1 where the third axis of the quaternion's rotation is reversed, else 1.</summary>
    public double QuaternionSign { get; init; } = 1;

    /// <summary>Where the voxels start in the file.</summary>
    public long VoxelOffset { get; init; }

    /// <summary>Value = stored · Slope + Intercept; 1 where the header has no scaling.</summary>
    public double Slope { get; init; } = 1;

    /// <summary>Value = stored · Slope + Intercept.</summary>
    public double Intercept { get; init; }

    /// <summary>What the quaternion's coordinates mean; 0 where there is none.</summary>
    public int QFormCode { get; init; }

    /// <summary>What the affine's coordinates mean; 0 where there is none.</summary>
    public int SFormCode { get; init; }

    /// <summary>Quaternion b, c, d and offset x, y, z.</summary>
    public double[] Quaternion { get; init; } = new double[6];

    /// <summary>The upper three rows of the sform affine.</summary>
    public double[] SForm { get; init; } = new double[12];

    /// <summary>xyzt_units: the lower three bits are 1 for metres, 2 for millimetres, 3 for
    /// micrometres.</summary>
    public int Units { get; init; } = 2;

    /// <summary>Voxels of the volume.</summary>
    public long VoxelCount => (long)Shape[0] * Shape[1] * Shape[2];

    /// <summary>How many header bytes a file has that starts with these; 0 where it is no NIfTI
    /// file.</summary>
    /// <param name="start">The first four bytes.</param>
    public static int SizeOf(ReadOnlySpan<byte> start)
    {
        var little = BinaryPrimitives.ReadInt32LittleEndian(start);
        var size = little is Size1 or Size2 ? little : BinaryPrimitives.ReverseEndianness(little);
        return size is Size1 or Size2 ? size : 0;
    }

    /// <summary>Reads a header.</summary>
    /// <param name="bytes">348 or 540 bytes.</param>
    /// <param name="file">The file, for errors.</param>
    /// <exception cref="UserException">This is not the header of a single-file NIfTI volume of
    /// scalars.</exception>
    public static NiftiHeader Parse(ReadOnlySpan<byte> bytes, string file)
    {
        var version = SizeOf(bytes) == Size2 ? 2 : 1;
        var fields = new NiftiFields(bytes, version, BinaryPrimitives.ReadInt32LittleEndian(bytes) is not (Size1 or Size2));
        switch (fields.Magic)
        {
            case "n+1" when version == 1:
            case "n+2" when version == 2:
                break;
            case "ni1" or "ni2":
                throw new UserException($"{file}: is one half of a .hdr/.img pair; convert it to a single .nii file");
            default:
                throw new UserException($"{file}: is no NIfTI file (its magic is \"{fields.Magic}\")");
        }

        var dimensions = fields.Dim(0);
        if (dimensions is < 2 or > 7)
            throw new UserException($"{file}: has {dimensions} dimensions; 2 or 3 are expected");
        for (var axis = 1; axis <= dimensions; axis++)
            if (fields.Dim(axis) < 1)
                throw new UserException($"{file}: is corrupt: dimension {axis} has {fields.Dim(axis)} voxels");
        for (var axis = 4; axis <= dimensions; axis++)
            if (fields.Dim(axis) > 1)
                throw new UserException(
                    $"{file}: has {dimensions} dimensions with {fields.Dim(axis)} volumes; write each volume to a file of its own (one for each channel)");
        long[] shape = [fields.Dim(1), fields.Dim(2), dimensions > 2 ? fields.Dim(3) : 1];
        if (shape.Max() > int.MaxValue || (Int128)shape[0] * shape[1] * shape[2] > Array.MaxLength)
            throw new UserException($"{file}: claims {shape[0]} × {shape[1]} × {shape[2]} voxels, more than can be read at once");
        var type = (VoxelType)fields.Datatype;
        if (!Enum.IsDefined(type))
            throw new UserException($"{file}: holds {Describe(fields.Datatype)}");
        var minimum = (version == 1 ? Size1 : Size2) + 4;
        var offset = fields.VoxelOffset == 0 ? minimum : fields.VoxelOffset;
        if (!(offset >= minimum - 4 && offset < 1L << 40))
            throw new UserException($"{file}: is corrupt: its voxels start at byte {fields.VoxelOffset}");

        // As nibabel: no valid slope means no scaling at all.
        var scaled = fields.Slope != 0 && double.IsFinite(fields.Slope);
        if (scaled && !double.IsFinite(fields.Intercept))
            throw new UserException($"{file}: is corrupt: its intercept is {fields.Intercept}");
        return new NiftiHeader
        {
            Version = version,
            BigEndian = fields.BigEndian,
            Shape = [(int)shape[0], (int)shape[1], (int)shape[2]],
            Dimensions = (int)dimensions,
            Type = type,
            VoxelSize = [VoxelSizeOf(fields.Pixdim(1)), VoxelSizeOf(fields.Pixdim(2)), dimensions > 2 ? VoxelSizeOf(fields.Pixdim(3)) : 1],
            QuaternionSign = fields.Pixdim(0) == -1 ? -1 : 1,
            VoxelOffset = (long)offset,
            Slope = scaled ? fields.Slope : 1,
            Intercept = scaled ? fields.Intercept : 0,
            QFormCode = fields.QFormCode,
            SFormCode = fields.SFormCode,
            Quaternion = fields.Quaternion(),
            SForm = fields.SForm(),
            Units = fields.Units,
        };
    }

    /// <summary>The header of a little-endian file with these voxels and this one's version and geometry: no
    /// scaling, no extensions.</summary>
    /// <param name="shape">Voxels along x, y, z.</param>
    /// <param name="type">How values will be stored.</param>
    /// <returns>The header and the four bytes after it that say that no extension follows.</returns>
    public byte[] ToBytes(int[] shape, VoxelType type) => NiftiFields.Write(this, shape, type);

    // Zero, NaN or a negative size is mended as nibabel does.
    private static double VoxelSizeOf(double pixdim) => pixdim == 0 || !double.IsFinite(pixdim) ? 1 : Math.Abs(pixdim);

    // What an unsupported code stands for.
    private static string Describe(short code) => code switch
    {
        128 or 2304 => "colours (RGB): split them into one file for each channel",
        32 or 1792 or 2048 => "complex numbers: write their magnitude or phase",
        1536 => "128-bit floats: write them as float32",
        1 => "single bits: write them as uint8",
        _ => $"values of the unknown type {code}",
    };
}
