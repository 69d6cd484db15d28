using System.Numerics.Tensors;

namespace MedSegDsl.Runtime.Planning;

/// <summary>Many float values, most of them often: the intensities drawn from a dataset's foreground. Equal
/// whole numbers of a case
/// are kept once with their count, so that 10⁸ draws from CT or integer MRI take a few kilobytes.</summary>
public sealed class WeightedSample
{
    // Whole numbers that span less than this are counted in a table.
    private const int LargestTable = 1 << 20;

    private readonly List<Part> parts = [];

    /// <summary>Values and how often each was drawn.</summary>
    private readonly record struct Part(float[] Values, int[]? Counts)
    {
        public int CountOf(int i) => Counts is null ? 1 : Counts[i];
    }

    /// <summary>Number of draws.</summary>
    public long Total => parts.Sum(part => part.Counts is null ? part.Values.Length : part.Counts.Sum(count => (long)count));

    /// <summary>Adds values.</summary>
    /// <param name="values">The values.</param>
    /// <param name="counts">How often each was drawn; 0 for never.</param>
    public void Add(ReadOnlySpan<float> values, ReadOnlySpan<int> counts)
    {
        if (values.Length != counts.Length)
            throw new ArgumentException($"{values.Length} values, {counts.Length} counts");
        if (!values.IsEmpty)
            parts.Add(Table(values, counts) ?? List(values, counts));
    }

    /// <summary>Adds what another sample holds.</summary>
    public void Add(WeightedSample other) => parts.AddRange(other.parts);

    /// <summary>Statistics over all draws, rounded to float32 as nnU-Net's are; NaN where there are
    /// none.</summary>
    public IntensityProperties Summarize()
    {
        var total = Total;
        if (total == 0)
            return new(double.NaN, double.NaN, double.NaN, double.NaN, double.NaN, double.NaN, double.NaN);
        var mean = Sum((value, _) => value) / total;
        var variance = Sum((value, m) => (value - m) * (value - m), mean) / total;
        double[] quantiles = [50, 0.5, 99.5];
        var positions = Array.ConvertAll(quantiles, q => OrderStatistics.Position(total, q));
        var values = Select([.. positions.SelectMany(p => new[] { (long)p.Below, Math.Min(p.Below + 1L, total - 1) }), 0, total - 1]);
        double Quantile(int i) => (float)OrderStatistics.Between(values[2 * i], values[2 * i + 1], positions[i].Fraction);
        return new((float)mean, (float)Math.Sqrt(variance), values[6], values[7], Quantile(0), Quantile(1), Quantile(2));
    }

    private double Sum(Func<double, double, double> term, double argument = 0)
    {
        var sum = 0.0;
        foreach (var part in parts)
            for (var i = 0; i < part.Values.Length; i++)
                sum += part.CountOf(i) * term(part.Values[i], argument);
        return sum;
    }

    // The values at some ranks of the sorted draws, without sorting: one pass counts by the upper half of an
    // order-preserving
    // integer, a second one by the lower half inside the bins where the ranks fall.
    private float[] Select(long[] ranks)
    {
        var upper = new long[1 << 16];
        ForEachKey((key, count) => upper[key >> 16] += count);
        Dictionary<uint, long[]> lower = [];
        var places = Array.ConvertAll(ranks, rank => Find(upper, rank));
        foreach (var (bin, _) in places)
            lower[bin] = new long[1 << 16];
        ForEachKey((key, count) =>
        {
            if (lower.TryGetValue(key >> 16, out var bins))
                bins[key & 0xffff] += count;
        });
        return Array.ConvertAll(places, place => FromKey(place.Bin << 16 | Find(lower[place.Bin], place.Remaining).Bin));
    }

    private static (uint Bin, long Remaining) Find(long[] bins, long rank)
    {
        for (var bin = 0u; ; bin++)
        {
            if (rank < bins[bin])
                return (bin, rank);
            rank -= bins[bin];
        }
    }

    private void ForEachKey(Action<uint, int> use)
    {
        foreach (var part in parts)
            for (var i = 0; i < part.Values.Length; i++)
                use(ToKey(part.Values[i]), part.CountOf(i));
    }

    // Negative floats sort backwards and below positive ones.
    private static uint ToKey(float value)
    {
        var bits = BitConverter.SingleToUInt32Bits(value);
        return (bits & 0x80000000u) != 0 ? ~bits : bits | 0x80000000u;
    }

    private static float FromKey(uint key) =>
        BitConverter.UInt32BitsToSingle((key & 0x80000000u) != 0 ? key & 0x7fffffffu : ~key);

    private static Part? Table(ReadOnlySpan<float> values, ReadOnlySpan<int> counts)
    {
        var (minimum, maximum) = (TensorPrimitives.Min(values), TensorPrimitives.Max(values));
        if (!((double)maximum - minimum < LargestTable) || Math.Abs(minimum) > int.MaxValue / 2)
            return null;
        var table = new int[(int)(maximum - minimum) + 1];
        var first = (int)minimum;
        for (var i = 0; i < values.Length; i++)
        {
            var whole = (int)values[i];
            if (whole != values[i])
                return null;
            table[whole - first] += counts[i];
        }

        int[] used = [.. Enumerable.Range(0, table.Length).Where(i => table[i] > 0)];
        return new(Array.ConvertAll(used, i => (float)(first + i)), Array.ConvertAll(used, i => table[i]));
    }

    // With about one draw for each value, repeating the value takes less room than counting.
    private static Part List(ReadOnlySpan<float> values, ReadOnlySpan<int> counts)
    {
        var distinct = counts.Length - counts.Count(0);
        var draws = 0L;
        foreach (var count in counts)
            draws += count;
        var repeat = draws <= 2L * distinct;
        var kept = new float[repeat ? (int)draws : distinct];
        var keptCounts = repeat ? null : new int[distinct];
        var next = 0;
        for (var i = 0; i < values.Length; i++)
        {
            if (counts[i] == 0)
                continue;
            if (keptCounts is not null)
            {
                keptCounts[next] = counts[i];
                kept[next++] = values[i];
                continue;
            }

            for (var times = counts[i]; times > 0; times--)
                kept[next++] = values[i];
        }

        return new(kept, keptCounts);
    }
}
