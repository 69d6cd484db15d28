using System.Numerics;
using System.Runtime.InteropServices;
using MedSegDsl.Runtime.Imaging;

namespace MedSegDsl.Runtime.Preprocessing;

/// <summary>
/// The voxels that are nonzero in any channel, with holes filled: a zero voxel is outside only if zero voxels
/// connect it by faces to the outside of the volume (nnU-Net v2: scipy's binary_fill_holes on the nonzero
/// mask).
/// </summary>
public static class NonzeroMask
{
    /// <summary>The half-open bounding box [[z0, z1], [y0, y1], [x0, x1]]; the whole volume when all is
    /// zero.</summary>
    /// <remarks>Filling holes cannot change the box.</remarks>
    public static int[][] Box(ImageArray<float> image)
    {
        int depth = image.Shape[0], height = image.Shape[1], width = image.Shape[2];
        int z0 = depth, z1 = 0, y0 = height, y1 = 0, x0 = width, x1 = 0;
        for (var channel = 0; channel < image.Channels; channel++)
        {
            var voxels = image.Channel(channel);
            for (var z = 0; z < depth; z++)
                for (var y = 0; y < height; y++)
                {
                    var row = voxels.Slice((z * height + y) * width, width);
                    var first = FirstNonzero(row);
                    if (first == width)
                        continue;
                    (z0, z1) = (Math.Min(z0, z), Math.Max(z1, z + 1));
                    (y0, y1) = (Math.Min(y0, y), Math.Max(y1, y + 1));
                    x0 = Math.Min(x0, first);
                    while (x1 < width && FirstNonzero(row[x1..]) is var step && step < width - x1)
                        x1 += step + 1;
                }
        }

        return x1 == 0 ? [[0, depth], [0, height], [0, width]] : [[z0, z1], [y0, y1], [x0, x1]];
    }

    /// <summary>Calls back for every run of voxels outside the filled mask: index of its first voxel, number
    /// of voxels.</summary>
    /// <param name="image">An image cut to its nonzero box, or whole.</param>
    /// <param name="action">Runs lie along x; index into (z, y, x).</param>
    public static void ForEachOutsideRun(ImageArray<float> image, Action<int, int> action)
    {
        var runs = new ZeroRuns(image);
        for (var run = 0; run < runs.Count; run++)
            if (runs.IsOutside(run))
                action(runs.Start(run), runs.Length(run));
    }

    /// <summary>Index of the first value that is not zero (NaN is not), or the length.</summary>
    internal static int FirstNonzero(ReadOnlySpan<float> values)
    {
        var vectors = MemoryMarshal.Cast<float, Vector<float>>(values);
        var i = 0;
        while (i < vectors.Length && Vector.EqualsAll(vectors[i], Vector<float>.Zero))
            i++;
        for (i *= Vector<float>.Count; i < values.Length; i++)
            if (values[i] != 0)
                return i;
        return values.Length;
    }

    /// <summary>Index of the first value that is zero, or the length.</summary>
    internal static int FirstZero(ReadOnlySpan<float> values)
    {
        var vectors = MemoryMarshal.Cast<float, Vector<float>>(values);
        var i = 0;
        while (i < vectors.Length && !Vector.EqualsAny(vectors[i], Vector<float>.Zero))
            i++;
        for (i *= Vector<float>.Count; i < values.Length; i++)
            if (values[i] == 0)
                return i;
        return values.Length;
    }
}
