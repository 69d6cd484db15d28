namespace MedSegDsl.Runtime.Evaluation;

/// <summary>
/// Distances in mm between the surfaces of a prediction and a reference. A surface voxel is one with a face neighbour
/// outside the object, where outside the volume counts as outside; distances run between voxel centres. The definitions
/// agree with MONAI's voxel-counting metrics, in double.
/// </summary>
public sealed class SurfaceDistances
{
    private readonly double[] fromPrediction;
    private readonly double[] fromReference;

    private SurfaceDistances(double[] fromPrediction, double[] fromReference)
    {
        Array.Sort(fromPrediction);
        Array.Sort(fromReference);
        this.fromPrediction = fromPrediction;
        this.fromReference = fromReference;
    }

    /// <summary>Distances from each surface voxel of the prediction to the reference's surface, ascending; infinite where there is none.</summary>
    public IReadOnlyList<double> FromPrediction => fromPrediction;

    /// <summary>Distances from each surface voxel of the reference to the prediction's surface, ascending; infinite where there is none.</summary>
    public IReadOnlyList<double> FromReference => fromReference;

    /// <summary>The largest distance of either direction. Here and below: NaN where both are empty, infinity where one is.</summary>
    public double Hausdorff => OfBoth(() => Math.Max(fromPrediction[^1], fromReference[^1]));

    /// <summary>The larger of the two directions' 95th percentiles (linear interpolation).</summary>
    public double Hausdorff95 => OfBoth(() => Math.Max(Percentile(fromPrediction, 95), Percentile(fromReference, 95)));

    /// <summary>The mean over both lists of distances.</summary>
    public double AverageSymmetric =>
        OfBoth(() => (fromPrediction.Sum() + fromReference.Sum()) / (fromPrediction.Length + fromReference.Length));

    /// <summary>Measures the distances between two objects of one volume.</summary>
    /// <param name="prediction">The predicted object.</param>
    /// <param name="reference">The reference, of the same shape.</param>
    /// <param name="spacing">Distance of neighbouring voxels along z, y, x, in mm.</param>
    public static SurfaceDistances Measure(BinaryMask prediction, BinaryMask reference, IReadOnlyList<double> spacing)
    {
        // Nothing outside the box around both objects can be nearest to anything.
        if (BinaryMask.Box(prediction, reference) is not { } box)
            return new SurfaceDistances([], []);
        var predicted = Surface(prediction.Crop(box));
        var referred = Surface(reference.Crop(box));
        return new SurfaceDistances(
            Distances(predicted, referred, spacing),
            Distances(referred, predicted, spacing));
    }

    /// <summary>
    /// The share of both surfaces' voxels that lie within a tolerance of the other surface (normalised surface Dice).
    /// NaN where both are empty, 0 where one is.
    /// </summary>
    /// <param name="tolerance">In mm.</param>
    public double SurfaceDice(double tolerance)
    {
        var all = fromPrediction.Length + fromReference.Length;
        var within = fromPrediction.Count(d => d <= tolerance) + fromReference.Count(d => d <= tolerance);
        return (double)within / all;
    }

    /// <summary>The voxels with a face neighbour outside the object.</summary>
    public static BinaryMask Surface(BinaryMask mask)
    {
        int depth = mask.Shape[0], height = mask.Shape[1], width = mask.Shape[2], plane = height * width;
        var inside = mask.Voxels;
        var surface = new bool[inside.Length];
        Parallel.For(0, depth, z =>
        {
            for (var y = 0; y < height; y++)
            {
                var border = z == 0 || z == depth - 1 || y == 0 || y == height - 1;
                for (var x = 0; x < width; x++)
                {
                    var i = z * plane + y * width + x;
                    surface[i] = inside[i] && (border || x == 0 || x == width - 1
                        || !(inside[i - 1] && inside[i + 1] && inside[i - width] && inside[i + width]
                            && inside[i - plane] && inside[i + plane]));
                }
            }
        });
        return new BinaryMask(surface, mask.Shape);
    }

    private static double[] Distances(BinaryMask from, BinaryMask to, IReadOnlyList<double> spacing)
    {
        var squared = DistanceTransform.Squared(to, spacing);
        var distances = new List<double>();
        for (var i = 0; i < squared.Length; i++)
        {
            if (from.Voxels[i])
                distances.Add(Math.Sqrt(squared[i]));
        }

        return [.. distances];
    }

    private double OfBoth(Func<double> measure) => (fromPrediction.Length, fromReference.Length) switch
    {
        (0, 0) => double.NaN,
        (0, _) or (_, 0) => double.PositiveInfinity,
        _ => measure(),
    };

    private static double Percentile(double[] sorted, double percent)
    {
        var position = percent / 100 * (sorted.Length - 1);
        var below = (int)position;
        return below + 1 == sorted.Length
            ? sorted[below]
            : sorted[below] + (position - below) * (sorted[below + 1] - sorted[below]);
    }
}
