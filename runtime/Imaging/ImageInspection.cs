using MedSegDsl.Runtime.Imaging.Itk;
using MedSegDsl.Runtime.Imaging.Tiff;
using MedSegDsl.Runtime.Nifti;

namespace MedSegDsl.Runtime.Imaging;

/// <summary>What <c>medseg inspect</c> shows of a file.</summary>
/// <param name="Shape">Voxels along z, y, x.</param>
/// <param name="Geometry">Spacing and affine.</param>
/// <param name="StoredType">The type on disk: int16.</param>
/// <param name="Slope">Value = stored · slope + intercept.</param>
/// <param name="Intercept">Value = stored · slope + intercept.</param>
/// <param name="Minimum">Smallest value; NaN is left out.</param>
/// <param name="Maximum">Largest value; NaN is left out.</param>
/// <param name="Mean">Mean of the values that are not NaN.</param>
/// <param name="NotFinite">Number of voxels that are NaN or infinite.</param>
/// <param name="Labels">Value and number of voxels, ascending; null unless all values are whole numbers, 256
/// different ones at most.</param>
/// <param name="Channels">Values of a voxel: 3 for colours.</param>
public sealed record ImageInspection(
    int[] Shape,
    ImageGeometry Geometry,
    string StoredType,
    double Slope,
    double Intercept,
    double Minimum,
    double Maximum,
    double Mean,
    long NotFinite,
    IReadOnlyList<KeyValuePair<int, long>>? Labels,
    int Channels = 1)
{
    private const int MostLabels = 256;

    /// <summary>Looks at a file of any format. Of NIfTI, NRRD and MetaImage the volume is not held in
    /// memory.</summary>
    /// <exception cref="UserException">The file is missing, corrupt or of no known format.</exception>
    public static ImageInspection Of(string file)
    {
        Values values = new();
        if (SimpleItkReader.IsItk(file))
        {
            var itk = ItkFile.Read(file, _ => (_, block) => values.Add(block));
            return values.Inspection(itk.Shape3D, itk.Geometry.ToImage(), itk.Type);
        }

        var reader = ImageReaders.ForFile(file);
        if (reader.FileEndings.Contains(".nii.gz") || reader.FileEndings.Contains(".nii"))
        {
            var (header, bytes) = NiftiFile.ReadHeader(file);
            NiftiFile.Scan(file, (_, block) => values.Add(block));
            double[] spacing = [header.VoxelSize[2], header.VoxelSize[1], header.VoxelSize[0]];
            return values.Inspection(
                [header.Shape[2], header.Shape[1], header.Shape[0]], new(spacing, NiftiAffine.Of(header, file), bytes), header.Type)
                with
            { Slope = header.Slope, Intercept = header.Intercept };
        }

        var tiff = file.EndsWith(".tif", StringComparison.OrdinalIgnoreCase) || file.EndsWith(".tiff", StringComparison.OrdinalIgnoreCase)
            ? TiffFile.ReadLayout(file)
            : null;
        var image = (tiff is null ? reader : ImageReaders.ByName(tiff.IsStack ? "Tiff3DIO" : "NaturalImage2DIO")).Read(file);
        values.Add(Array.ConvertAll(image.Voxels.Data, value => (double)value));
        return values.Inspection(image.Voxels.Shape, image.Geometry, tiff?.Type ?? VoxelType.UInt8) with { Channels = image.Voxels.Channels };
    }

    // What is gathered while the values go by.
    private sealed class Values
    {
        private double minimum = double.PositiveInfinity;
        private double maximum = double.NegativeInfinity;
        private double sum;
        private long numbers;
        private long notFinite;
        private Dictionary<int, long>? counts = [];

        public void Add(ReadOnlySpan<double> values)
        {
            foreach (var value in values)
            {
                if (!double.IsFinite(value))
                    notFinite++;
                if (double.IsNaN(value))
                    continue;
                minimum = Math.Min(minimum, value);
                maximum = Math.Max(maximum, value);
                sum += value;
                numbers++;
            }

            Count(values, ref counts);
        }

        public ImageInspection Inspection(int[] shape, ImageGeometry geometry, VoxelType type) => new(
            shape,
            geometry,
            type.NumpyName(),
            Slope: 1,
            Intercept: 0,
            numbers == 0 ? double.NaN : minimum,
            numbers == 0 ? double.NaN : maximum,
            sum / numbers,
            notFinite,
            counts is null ? null : [.. counts.OrderBy(pair => pair.Key)]);
    }

    private static void Count(ReadOnlySpan<double> values, ref Dictionary<int, long>? counts)
    {
        for (var i = 0; i < values.Length && counts is not null;)
        {
            var label = (int)values[i];
            var run = i;
            while (run < values.Length && values[run] == label)
                run++;
            if (run == i)
            {
                counts = null;
                return;
            }

            counts[label] = counts.GetValueOrDefault(label) + run - i;
            if (counts.Count > MostLabels)
                counts = null;
            i = run;
        }
    }
}
