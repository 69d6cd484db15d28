using MathNet.Numerics.LinearAlgebra;

namespace MedSegDsl.Runtime.Imaging;

/// <summary>Which patient axis each file axis runs along, and the reordering to right, anterior, superior and
/// back.
/// An oblique file goes by its closest axes: the rotation nearest to its affine (polar decomposition), as
/// nibabel finds them.</summary>
public sealed class AxisOrientation
{
    private const double MachineEpsilon = 2.220446049250313e-16;

    private readonly int[] target;
    private readonly bool[] flipped;

    private AxisOrientation(int[] target, bool[] flipped)
    {
        this.target = target;
        this.flipped = flipped;
    }

    /// <summary>The orientation of a file with this affine.</summary>
    public static AxisOrientation Of(double[,] affine)
    {
        var matrix = Matrix<double>.Build.Dense(3, 3, (row, column) => affine[row, column]);
        foreach (var column in Enumerable.Range(0, 3))
        {
            var norm = matrix.Column(column).L2Norm();
            if (norm > 0)
                matrix.SetColumn(column, matrix.Column(column) / norm);
        }

        var svd = matrix.Svd();
        var rank = svd.S.Count(value => value > svd.S.Maximum() * 3 * MachineEpsilon);
        var rotation = svd.U.SubMatrix(0, 3, 0, rank) * svd.VT.SubMatrix(0, rank, 0, 3);
        var target = new int[3];
        var flipped = new bool[3];
        var free = new List<int> { 0, 1, 2 };
        foreach (var axis in Enumerable.Range(0, 3).OrderByDescending(axis => rotation.Column(axis).AbsoluteMaximum()))
        {
            target[axis] = free.MaxBy(row => Math.Abs(rotation[row, axis]));
            flipped[axis] = rotation[target[axis], axis] < 0;
            free.Remove(target[axis]);
        }

        return new AxisOrientation(target, flipped);
    }

    /// <summary>True where the file runs right, anterior, superior already.</summary>
    public bool IsCanonical => target is [0, 1, 2] && !flipped.Contains(true);

    /// <summary>For each file axis x, y, z: the patient axis (0 right, 1 anterior, 2 superior) that it runs
    /// along.</summary>
    public IReadOnlyList<int> PatientAxis => target;

    /// <summary>For each file axis x, y, z: whether it runs against its patient axis.</summary>
    public IReadOnlyList<bool> Flipped => flipped;

    /// <summary>Reorders an array from file order to right, anterior, superior (stored z, y, x: superior
    /// slowest).</summary>
    public ImageArray<T> ToCanonical<T>(ImageArray<T> image) where T : unmanaged => Reorder(image, toCanonical: true);

    /// <summary>The inverse of <see cref="ToCanonical"/>.</summary>
    public ImageArray<T> FromCanonical<T>(ImageArray<T> image) where T : unmanaged => Reorder(image, toCanonical: false);

    /// <summary>Spacing along superior, anterior, right from spacing along z, y, x.</summary>
    public double[] SpacingToCanonical(double[] spacing)
    {
        var result = new double[3];
        for (var axis = 0; axis < 3; axis++)
            result[2 - target[axis]] = spacing[2 - axis];
        return result;
    }

    /// <summary>The affine of the reordered array.</summary>
    /// <param name="affine">The file's affine.</param>
    /// <param name="shape">The file's voxels along z, y, x.</param>
    public double[,] AffineToCanonical(double[,] affine, int[] shape)
    {
        var result = (double[,])affine.Clone();
        for (var axis = 0; axis < 3; axis++)
            for (var row = 0; row < 3; row++)
            {
                result[row, target[axis]] = flipped[axis] ? -affine[row, axis] : affine[row, axis];
                if (flipped[axis])
                    result[row, 3] += affine[row, axis] * (shape[2 - axis] - 1);
            }

        return result;
    }

    private ImageArray<T> Reorder<T>(ImageArray<T> image, bool toCanonical) where T : unmanaged
    {
        if (IsCanonical)
            return image;
        // Both arrays in terms of the file's axes: strides of file axis a in the canonical array.
        var fileShape = new int[3];
        for (var axis = 0; axis < 3; axis++)
            fileShape[axis] = toCanonical ? image.Shape[2 - axis] : image.Shape[2 - target[axis]];
        var canonicalShape = new int[3];
        for (var axis = 0; axis < 3; axis++)
            canonicalShape[target[axis]] = fileShape[axis];
        int[] canonicalStride = [1, canonicalShape[0], canonicalShape[0] * canonicalShape[1]];
        var stride = new int[3];
        var start = 0;
        for (var axis = 0; axis < 3; axis++)
        {
            stride[axis] = flipped[axis] ? -canonicalStride[target[axis]] : canonicalStride[target[axis]];
            if (flipped[axis])
                start += canonicalStride[target[axis]] * (fileShape[axis] - 1);
        }

        var shape = toCanonical ? canonicalShape : fileShape;
        var result = new ImageArray<T>(image.Channels, [shape[2], shape[1], shape[0]]);
        for (var channel = 0; channel < image.Channels; channel++)
        {
            var from = image.Channel(channel);
            var to = result.Channel(channel);
            var file = 0;
            for (var z = 0; z < fileShape[2]; z++)
                for (var y = 0; y < fileShape[1]; y++)
                {
                    var canonical = start + z * stride[2] + y * stride[1];
                    for (var x = 0; x < fileShape[0]; x++, file++, canonical += stride[0])
                    {
                        if (toCanonical)
                            to[canonical] = from[file];
                        else
                            to[file] = from[canonical];
                    }
                }
        }

        return result;
    }
}
