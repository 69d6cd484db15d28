namespace MedSegDsl.Runtime.Planning;

/// <summary>Median and percentiles as numpy computes them: linear between order statistics.</summary>
public static class OrderStatistics
{
    /// <summary>The median; for an even number of values the mean of the middle two.</summary>
    /// <param name="values">At least one value, in any order.</param>
    public static double Median(IEnumerable<double> values)
    {
        double[] sorted = [.. values.Order()];
        var middle = sorted.Length / 2;
        return sorted.Length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
    }

    /// <summary>The percentile <paramref name="q"/>, 0 to 100.</summary>
    /// <param name="values">At least one value, in any order.</param>
    /// <param name="q">0 to 100.</param>
    public static double Percentile(IEnumerable<double> values, double q)
    {
        double[] sorted = [.. values.Order()];
        var (below, fraction) = Position(sorted.Length, q);
        return Between(sorted[below], sorted[Math.Min(below + 1, sorted.Length - 1)], fraction);
    }

    /// <summary>The median along each axis of a list of rows, such as spacings of all cases.</summary>
    public static double[] MedianRow(IReadOnlyList<double[]> rows) =>
        [.. Enumerable.Range(0, rows[0].Length).Select(axis => Median(rows.Select(row => row[axis])))];

    /// <summary>Where a percentile lies among n sorted values: the index below it and the way to the next, 0
    /// to 1.</summary>
    internal static (int Below, double Fraction) Position(long n, double q)
    {
        var index = q / 100 * (n - 1);
        var below = Math.Floor(index);
        return ((int)below, index - below);
    }

    /// <summary>Linear between two values, rounded as numpy does it.</summary>
    internal static double Between(double a, double b, double fraction) =>
        fraction < 0.5 ? a + (b - a) * fraction : b - (b - a) * (1 - fraction);
}
