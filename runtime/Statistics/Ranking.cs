namespace MedSegDsl.Runtime.Statistics;

/// <summary>Ranks from 1; values that are equal share the mean of their places.</summary>
public static class Ranking
{
    /// <summary>The rank of each value, the smallest 1.</summary>
    public static double[] Ascending(IReadOnlyList<double> values)
    {
        int[] order = [.. Enumerable.Range(0, values.Count).OrderBy(i => values[i])];
        var ranks = new double[values.Count];
        foreach (var (first, last) in Ties(order, values))
        {
            for (var place = first; place <= last; place++)
            {
                ranks[order[place]] = (first + last) / 2.0 + 1;
            }
        }

        return ranks;
    }

    /// <summary>The sizes of the groups of equal values, groups of one included.</summary>
    public static IReadOnlyList<int> TieSizes(IReadOnlyList<double> values)
    {
        int[] order = [.. Enumerable.Range(0, values.Count).OrderBy(i => values[i])];
        return [.. Ties(order, values).Select(tie => tie.Last - tie.First + 1)];
    }

    private static IEnumerable<(int First, int Last)> Ties(int[] order, IReadOnlyList<double> values)
    {
        for (var first = 0; first < order.Length;)
        {
            var last = first;
            while (last + 1 < order.Length && values[order[last + 1]] == values[order[first]])
            {
                last++;
            }

            yield return (first, last);
            first = last + 1;
        }
    }
}
