using System.Buffers.Binary;

namespace MedSegDsl.Runtime.Imaging.Itk;

/// <summary>Spacing, origin and direction of an image as ITK keeps them: two or three dimensions, millimetres
/// to the left, posterior, superior.</summary>
/// <param name="Spacing">Distance of voxel centres along x, y, z; as in the file, so it may be
/// negative.</param>
/// <param name="Origin">Position of the first voxel.</param>
/// <param name="Direction">Row i, column j: how far axis j of the image runs along axis i of the
/// patient.</param>
internal sealed record ItkGeometry(double[] Spacing, double[] Origin, double[,] Direction)
{
    private const int Size3 = 8 * (3 + 3 + 9);
    private const int Size2 = 8 * (2 + 2 + 4);

    /// <summary>2 or 3.</summary>
    public int Dimensions => Spacing.Length;

    /// <summary>Axes along the patient's, the first voxel at the origin.</summary>
    public static ItkGeometry Plain(int dimensions)
    {
        var direction = new double[dimensions, dimensions];
        for (var i = 0; i < dimensions; i++)
            direction[i, i] = 1;
        return new([.. Enumerable.Repeat(1.0, dimensions)], new double[dimensions], direction);
    }

    /// <summary>The geometry as nnU-Net's SimpleITKIO gives it: a 2D image is a slice 999 times as thick as
    /// its pixels are wide.</summary>
    public ImageGeometry ToImage()
    {
        double[] spacing = [.. Spacing.Reverse().Select(Math.Abs)];
        if (Dimensions == 2)
            spacing = [999 * spacing.Max(), .. spacing];
        var affine = new double[4, 4];
        affine[3, 3] = 1;
        if (Dimensions == 2)
            affine[2, 2] = spacing[0];
        for (var row = 0; row < Dimensions; row++)
        {
            // ITK counts to the left and to the back, the affine to the right and to the front.
            var sign = row < 2 ? -1 : 1;
            for (var column = 0; column < Dimensions; column++)
                affine[row, column] = sign * Direction[row, column] * Spacing[column];
            affine[row, 3] = sign * Origin[row];
        }

        return new(spacing, affine, ToBytes());
    }

    /// <summary>The geometry to write: the one that the image came with, else the affine's.</summary>
    public static ItkGeometry Of(ImageGeometry geometry)
    {
        if (geometry.Header is { Length: Size2 or Size3 } bytes)
            return FromBytes(bytes);
        var spacing = geometry.Spacing.Reverse().ToArray();
        var direction = new double[3, 3];
        var origin = new double[3];
        for (var row = 0; row < 3; row++)
        {
            var sign = row < 2 ? -1 : 1;
            for (var column = 0; column < 3; column++)
                direction[row, column] = sign * geometry.Affine[row, column] / spacing[column];
            origin[row] = sign * geometry.Affine[row, 3];
        }

        return new(spacing, origin, direction);
    }

    private byte[] ToBytes()
    {
        double[] values = [.. Spacing, .. Origin, .. Direction.Cast<double>()];
        var bytes = new byte[8 * values.Length];
        for (var i = 0; i < values.Length; i++)
            BinaryPrimitives.WriteDoubleLittleEndian(bytes.AsSpan(8 * i), values[i]);
        return bytes;
    }

    private static ItkGeometry FromBytes(byte[] bytes)
    {
        var dimensions = bytes.Length == Size2 ? 2 : 3;
        double Value(int i) => BinaryPrimitives.ReadDoubleLittleEndian(bytes.AsSpan(8 * i));
        var direction = new double[dimensions, dimensions];
        for (var i = 0; i < dimensions * dimensions; i++)
            direction[i / dimensions, i % dimensions] = Value(2 * dimensions + i);
        return new(
            [.. Enumerable.Range(0, dimensions).Select(Value)],
            [.. Enumerable.Range(dimensions, dimensions).Select(Value)],
            direction);
    }
}
