namespace MedSegDsl.Runtime.Evaluation;

/// <summary>
/// The exact Euclidean distance of every voxel to the nearest voxel of an object: one pass along each axis, each taking
/// the lower envelope of parabolas (Felzenszwalb, Huttenlocher: Distance Transforms of Sampled Functions, 2012).
/// </summary>
public static class DistanceTransform
{
    /// <summary>Squared distances between voxel centres.</summary>
    /// <param name="mask">The object.</param>
    /// <param name="spacing">Distance of neighbouring voxels along z, y, x, in mm.</param>
    /// <returns>mm² for each voxel (z, y, x); infinity everywhere where the object is empty.</returns>
    public static double[] Squared(BinaryMask mask, IReadOnlyList<double> spacing)
    {
        int depth = mask.Shape[0], height = mask.Shape[1], width = mask.Shape[2], plane = height * width;
        var distances = new double[mask.Voxels.Length];
        Parallel.For(0, depth, () => new LowerEnvelope(height), (z, _, envelope) =>
        {
            for (var y = 0; y < height; y++)
            {
                var row = z * plane + y * width;
                AlongRow(mask.Voxels.AsSpan(row, width), distances.AsSpan(row, width), spacing[2]);
            }

            for (var x = 0; x < width; x++)
                envelope.Replace(distances, z * plane + x, width, spacing[1]);
            return envelope;
        }, _ => { });
        Parallel.For(0, height, () => new LowerEnvelope(depth), (y, _, envelope) =>
        {
            for (var x = 0; x < width; x++)
                envelope.Replace(distances, y * width + x, plane, spacing[0]);
            return envelope;
        }, _ => { });
        return distances;
    }

    private static void AlongRow(ReadOnlySpan<bool> mask, Span<double> squared, double spacing)
    {
        var nearest = double.PositiveInfinity;
        for (var x = 0; x < mask.Length; x++)
        {
            nearest = mask[x] ? 0 : nearest + spacing;
            squared[x] = nearest;
        }

        nearest = double.PositiveInfinity;
        for (var x = mask.Length - 1; x >= 0; x--)
        {
            nearest = mask[x] ? 0 : nearest + spacing;
            var distance = Math.Min(squared[x], nearest);
            squared[x] = distance * distance;
        }
    }

    /// <summary>Scratch space of one thread for one line of voxels.</summary>
    private sealed class LowerEnvelope(int length)
    {
        private readonly double[] line = new double[length];
        private readonly int[] vertices = new int[length];
        private readonly double[] borders = new double[length + 1];

        /// <summary>Replaces f(i) along a line by the minimum over j of f(j) + (spacing · (i − j))².</summary>
        public void Replace(double[] values, int start, int stride, double spacing)
        {
            var finite = false;
            for (var i = 0; i < length; i++)
            {
                line[i] = values[start + i * stride];
                finite |= line[i] < double.PositiveInfinity;
            }

            if (!finite)
                return;

            var square = spacing * spacing;
            var last = -1;
            for (var i = 0; i < length; i++)
            {
                if (double.IsPositiveInfinity(line[i]))
                    continue;
                var border = double.NegativeInfinity;
                while (last >= 0)
                {
                    var j = vertices[last];
                    border = (i + j + (line[i] - line[j]) / (square * (i - j))) / 2;
                    if (border > borders[last])
                        break;
                    last--;
                    border = double.NegativeInfinity;
                }

                last++;
                vertices[last] = i;
                borders[last] = border;
            }

            borders[last + 1] = double.PositiveInfinity;
            for (int i = 0, k = 0; i < length; i++)
            {
                while (borders[k + 1] < i)
                    k++;
                var distance = spacing * (i - vertices[k]);
                values[start + i * stride] = line[vertices[k]] + distance * distance;
            }
        }
    }
}
