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
    IReadOnlyList<KeyValuePair<int, long>>? Labels)
{
    private const int MostLabels = 256;

    /// <summary>Looks at a NIfTI file without holding its volume in memory.</summary>
    /// <exception cref="UserException">The file is missing, corrupt or no NIfTI file.</exception>
    public static ImageInspection Of(string file)
    {
        ImageReaders.ForFile(file);
        var (header, bytes) = NiftiFile.ReadHeader(file);
        var (minimum, maximum, sum) = (double.PositiveInfinity, double.NegativeInfinity, 0.0);
        var (numbers, notFinite) = (0L, 0L);
        Dictionary<int, long>? counts = [];
        NiftiFile.Scan(file, (_, values) =>
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
        });
        if (numbers == 0)
            minimum = maximum = double.NaN;
        int[] shape = [header.Shape[2], header.Shape[1], header.Shape[0]];
        double[] spacing = [header.VoxelSize[2], header.VoxelSize[1], header.VoxelSize[0]];
        return new(
            shape,
            new(spacing, NiftiAffine.Of(header, file), bytes),
            header.Type.NumpyName(),
            header.Slope,
            header.Intercept,
            minimum,
            maximum,
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
