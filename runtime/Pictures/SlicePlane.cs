using MedSegDsl.Runtime.Imaging;

namespace MedSegDsl.Runtime.Pictures;

/// <summary>
/// A direction of slicing, shown as radiologists do: the patient's right on the left, anterior above, superior above;
/// sagittal slices look from the patient's left, anterior on the left. Volumes are in the order superior,
/// anterior, right (z, y, x).
/// </summary>
public sealed class SlicePlane
{
    private readonly int across;
    private readonly int rowAxis;
    private readonly int columnAxis;

    private SlicePlane(string name, int across, int rowAxis, int columnAxis, string sides)
    {
        Name = name;
        this.across = across;
        this.rowAxis = rowAxis;
        this.columnAxis = columnAxis;
        Sides = sides;
    }

    /// <summary>Axial, coronal, sagittal.</summary>
    public static IReadOnlyList<SlicePlane> All { get; } =
    [
        new("Axial", 0, 1, 2, "RLAP"),
        new("Coronal", 1, 0, 2, "RLSI"),
        new("Sagittal", 2, 0, 1, "APSI"),
    ];

    /// <summary>The plane's name.</summary>
    public string Name { get; }

    /// <summary>The letters of the left, right, upper and lower side.</summary>
    public string Sides { get; }

    /// <summary>Number of slices.</summary>
    public int Count(int[] shape) => shape[across];

    /// <summary>Rows and columns of a slice.</summary>
    public (int Rows, int Columns) Size(int[] shape) => (shape[rowAxis], shape[columnAxis]);

    /// <summary>Height and width of a slice in mm.</summary>
    public (double Height, double Width) SizeInMm(int[] shape, IReadOnlyList<double> spacing) =>
        (shape[rowAxis] * spacing[rowAxis], shape[columnAxis] * spacing[columnAxis]);

    /// <summary>One slice, row by row from the upper left as it is shown.</summary>
    public T[] Extract<T>(ImageArray<T> volume, int channel, int slice) where T : unmanaged
    {
        int[] strides = [volume.Shape[1] * volume.Shape[2], volume.Shape[2], 1];
        var (rows, columns) = Size(volume.Shape);
        var voxels = volume.Channel(channel);
        var result = new T[rows * columns];
        for (var row = 0; row < rows; row++)
        {
            // All three axes of the volume run against the screen's: up, to the front, to the right.
            var start = slice * strides[across] + (rows - 1 - row) * strides[rowAxis];
            for (var column = 0; column < columns; column++)
                result[row * columns + column] = voxels[start + (columns - 1 - column) * strides[columnAxis]];
        }

        return result;
    }

    /// <summary>
    /// The slice that shows most: the sum over the labels of the slice's share of the label's largest area. The middle
    /// one where there is no foreground.
    /// </summary>
    /// <param name="labels">The reference, or else the prediction.</param>
    public int Choose(ImageArray<short> labels)
    {
        var slices = Count(labels.Shape);
        var areas = new Dictionary<short, int[]>();
        for (var slice = 0; slice < slices; slice++)
        {
            foreach (var label in Extract(labels, 0, slice))
            {
                if (label <= 0)
                    continue;
                if (!areas.TryGetValue(label, out var area))
                    areas[label] = area = new int[slices];
                area[slice]++;
            }
        }

        return areas.Count == 0
            ? slices / 2
            : Enumerable.Range(0, slices).MaxBy(slice => areas.Values.Sum(area => (double)area[slice] / area.Max()));
    }
}
