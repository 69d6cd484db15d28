namespace MedSegDsl.Runtime.Statistics;

/// <summary>Holm's step-down correction for several tests (Holm 1979).</summary>
public static class Holm
{
    /// <summary>
    /// The adjusted p-values, in the order given: the i-th smallest of m times m − i, at least its predecessor's, at most 1. NaN,
    /// a test that could not be made, stays NaN and does not count.
    /// </summary>
    public static double[] Adjust(IReadOnlyList<double> pValues)
    {
        int[] order = [.. Enumerable.Range(0, pValues.Count).Where(i => !double.IsNaN(pValues[i])).OrderBy(i => pValues[i])];
        double[] adjusted = [.. pValues];
        var largest = 0.0;
        for (var place = 0; place < order.Length; place++)
        {
            largest = Math.Max(largest, Math.Min(1, (order.Length - place) * pValues[order[place]]));
            adjusted[order[place]] = largest;
        }

        return adjusted;
    }
}
