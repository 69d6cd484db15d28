namespace MedSegDsl.Runtime.Inference;

/// <summary>
/// How much a voxel of a tile counts where tiles overlap: a Gaussian around the tile's centre, since a network
/// sees less context near the border of its patch (nnU-Net v2, inference/sliding_window_prediction.py).
/// </summary>
public static class GaussianWeights
{
    /// <summary>The weights of one tile, in C order.</summary>
    /// <param name="tile">Voxels along each axis, two or three.</param>
    /// <param name="sigmaScale">Standard deviation as a share of the tile's length.</param>
    /// <param name="peak">The weight at index ⌊length / 2⌋ of every axis.</param>
    /// <returns>Float32 weights, none of them 0: what underflows gets the smallest weight that does not.</returns>
    public static float[] Compute(IReadOnlyList<int> tile, double sigmaScale = 1.0 / 8, double peak = 10)
    {
        double[] product = [peak];
        foreach (var length in tile)
        {
            var profile = Profile(length, sigmaScale);
            var longer = new double[product.Length * length];
            for (var i = 0; i < longer.Length; i++)
                longer[i] = product[i / length] * profile[i % length];
            product = longer;
        }

        var weights = Array.ConvertAll(product, weight => (float)weight);
        var smallest = weights.Where(weight => weight > 0).Min();
        return Array.ConvertAll(weights, weight => weight == 0 ? smallest : weight);
    }

    /// <summary>The weights in half precision, in which nnU-Net itself adds up: zeros become the smallest weight left.</summary>
    /// <param name="weights">Weights of <see cref="Compute"/>.</param>
    public static Half[] InHalf(float[] weights)
    {
        var halves = Array.ConvertAll(weights, weight => (Half)weight);
        var smallest = halves.Where(weight => weight > Half.Zero).Min();
        return Array.ConvertAll(halves, weight => weight == Half.Zero ? smallest : weight);
    }

    /// <summary>
    /// A one at the centre, filtered with a Gaussian cut off at four standard deviations. Its normalisation
    /// drops out, because the product is divided by its maximum.
    /// </summary>
    private static double[] Profile(int length, double sigmaScale)
    {
        var sigma = length * sigmaScale;
        var radius = (int)Math.Floor(4 * sigma + 0.5);
        var profile = new double[length];
        for (var i = 0; i < length; i++)
        {
            double distance = i - length / 2;
            profile[i] = Math.Abs(distance) > radius ? 0 : Math.Exp(-distance * distance / (2 * sigma * sigma));
        }

        return profile;
    }
}
