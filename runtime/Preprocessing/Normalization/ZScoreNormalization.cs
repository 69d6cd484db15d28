using System.Numerics;
using System.Numerics.Tensors;
using System.Runtime.InteropServices;

namespace MedSegDsl.Runtime.Preprocessing.Normalization;

/// <summary>Subtracts the case's mean and divides by its population standard deviation.</summary>
/// <param name="useMask">Only inside the nonzero mask: statistics and change; the voxels outside stay
/// 0.</param>
public sealed class ZScoreNormalization(bool useMask) : IntensityNormalization
{
    /// <inheritdoc />
    public override void Apply(Span<float> voxels, ReadOnlySpan<short> segmentation)
    {
        Range[] runs = useMask ? [.. InsideRuns(segmentation)] : [Range.All];
        double count = 0, sum = 0, squares = 0;
        foreach (var run in runs)
        {
            count += voxels[run].Length;
            sum += Sum(voxels[run], 0, squared: false);
        }

        if (count == 0)
            return;
        var mean = sum / count;
        foreach (var run in runs)
            squares += Sum(voxels[run], mean, squared: true);
        var std = (float)Math.Max(Math.Sqrt(squares / count), 1e-8);
        foreach (var run in runs)
        {
            TensorPrimitives.Subtract(voxels[run], (float)mean, voxels[run]);
            TensorPrimitives.Divide(voxels[run], std, voxels[run]);
        }
    }

    /// <summary>The stretches of voxels with a label of 0 or more.</summary>
    private static List<Range> InsideRuns(ReadOnlySpan<short> segmentation)
    {
        List<Range> runs = [];
        for (var start = 0; start < segmentation.Length;)
        {
            var inside = segmentation[start..].IndexOfAnyExceptInRange(short.MinValue, (short)-1);
            if (inside < 0)
                break;
            start += inside;
            var length = segmentation[start..].IndexOfAnyInRange(short.MinValue, (short)-1);
            var end = length < 0 ? segmentation.Length : start + length;
            runs.Add(start..end);
            start = end;
        }

        return runs;
    }

    /// <summary>Sum of v, or of (v − centre)², in double.</summary>
    private static double Sum(ReadOnlySpan<float> values, double centre, bool squared)
    {
        var vectors = MemoryMarshal.Cast<float, Vector<float>>(values);
        var (lower, upper) = (Vector<double>.Zero, Vector<double>.Zero);
        var middle = new Vector<double>(centre);
        foreach (var vector in vectors)
        {
            Vector.Widen(vector, out var a, out var b);
            lower += squared ? (a - middle) * (a - middle) : a;
            upper += squared ? (b - middle) * (b - middle) : b;
        }

        var sum = Vector.Sum(lower + upper);
        foreach (var value in values[(vectors.Length * Vector<float>.Count)..])
            sum += squared ? (value - centre) * (value - centre) : value;
        return sum;
    }
}
