using System.Numerics;
using System.Runtime.InteropServices;

namespace MedSegDsl.Runtime.Preprocessing.Resampling;

/// <summary>
/// Resizes a label map by the linear masks of its labels: an output voxel gets the highest label whose mask
/// reaches 0.5, and 0 where none does (nnU-Net v2: resample_data_or_seg, which resizes one mask after the
/// other).
/// </summary>
/// <remarks>
/// An output voxel reads eight input voxels, so only their labels can win: one pass over the output does for
/// all labels. Weights are multiplied and added in the order of scipy's zoom, because at ties the last bit
/// decides.
/// </remarks>
internal sealed class LabelResize
{
    /// <summary>Marks a place where the four rows differ; no label can have this value.</summary>
    private const short Mixed = short.MinValue;

    /// <summary>A share above one half by this much leaves no other label with a half.</summary>
    private const double RoundingMargin = 1e-9;
    private readonly AxisSampling z;
    private readonly AxisSampling y;
    private readonly AxisSampling x;

    private LabelResize(int[] shape, int[] newShape) =>
        (z, y, x) = (new(shape[0], newShape[0], 1), new(shape[1], newShape[1], 1), new(shape[2], newShape[2], 1));

    /// <summary>Resizes (z, y, x) to a new shape.</summary>
    /// <param name="input">Labels; −1 and 0 are labels too.</param>
    /// <param name="shape">Voxels along z, y, x.</param>
    /// <param name="output">Labels of the new shape.</param>
    /// <param name="newShape">Voxels along z, y, x afterwards.</param>
    /// <param name="threads">Threads to use.</param>
    public static void Resize(
        ReadOnlyMemory<short> input, int[] shape, Memory<short> output, int[] newShape, int threads)
    {
        var resize = new LabelResize(shape, newShape);
        Workers.For(newShape[0], threads, () => new short[shape[2]], (plane, uniform) =>
        {
            var target = output.Span.Slice(plane * newShape[1] * newShape[2], newShape[1] * newShape[2]);
            for (var line = 0; line < newShape[1]; line++)
                resize.Line(input.Span, plane, line, uniform, target.Slice(line * newShape[2], newShape[2]));
        });
    }

    private void Line(ReadOnlySpan<short> input, int plane, int line, Span<short> uniform, Span<short> target)
    {
        var wz = z.Weights.AsSpan(plane * 2, 2);
        var wy = y.Weights.AsSpan(line * 2, 2);
        int z0 = z.First[plane], z1 = wz[1] == 0 ? z0 : z0 + 1;
        int y0 = y.First[line], y1 = wy[1] == 0 ? y0 : y0 + 1;
        var row00 = Row(input, z0, y0);
        var row01 = Row(input, z0, y1);
        var row10 = Row(input, z1, y0);
        var row11 = Row(input, z1, y1);
        FindUniform(row00, row01, row10, row11, uniform);
        var rowWeights = (wz[0] * wy[0], wz[0] * wy[1], wz[1] * wy[0], wz[1] * wy[1]);
        var nearestRow = (wz[1] > wz[0] ? 4 : 0) + (wy[1] > wy[0] ? 2 : 0);
        Span<short> labels = stackalloc short[8];
        Span<double> weights = stackalloc double[8];
        for (var i = 0; i < target.Length; i++)
        {
            int x0 = x.First[i], x1 = Math.Min(x0 + 1, x.From - 1);
            if (uniform[x0] == uniform[x1] && uniform[x0] != Mixed)
            {
                target[i] = uniform[x0];
                continue;
            }

            var (wx0, wx1) = (x.Weights[i * 2], x.Weights[i * 2 + 1]);
            (labels[0], labels[1], labels[2], labels[3]) = (row00[x0], row00[x1], row01[x0], row01[x1]);
            (labels[4], labels[5], labels[6], labels[7]) = (row10[x0], row10[x1], row11[x0], row11[x1]);
            (weights[0], weights[1]) = (rowWeights.Item1 * wx0, rowWeights.Item1 * wx1);
            (weights[2], weights[3]) = (rowWeights.Item2 * wx0, rowWeights.Item2 * wx1);
            (weights[4], weights[5]) = (rowWeights.Item3 * wx0, rowWeights.Item3 * wx1);
            (weights[6], weights[7]) = (rowWeights.Item4 * wx0, rowWeights.Item4 * wx1);
            target[i] = Winner(labels, weights, nearestRow + (wx1 > wx0 ? 1 : 0));
        }
    }

    private ReadOnlySpan<short> Row(ReadOnlySpan<short> input, int plane, int line) =>
        input.Slice((plane * y.From + line) * x.From, x.From);

    /// <summary>The label where four rows agree, else <see cref="Mixed"/>.</summary>
    private static void FindUniform(
        ReadOnlySpan<short> a, ReadOnlySpan<short> b, ReadOnlySpan<short> c, ReadOnlySpan<short> d,
        Span<short> uniform)
    {
        var va = MemoryMarshal.Cast<short, Vector<short>>(a);
        var vb = MemoryMarshal.Cast<short, Vector<short>>(b);
        var vc = MemoryMarshal.Cast<short, Vector<short>>(c);
        var vd = MemoryMarshal.Cast<short, Vector<short>>(d);
        var result = MemoryMarshal.Cast<short, Vector<short>>(uniform);
        for (var i = 0; i < result.Length; i++)
        {
            var same = Vector.Equals(va[i], vb[i]) & Vector.Equals(va[i], vc[i]) & Vector.Equals(va[i], vd[i]);
            result[i] = Vector.ConditionalSelect(same, va[i], new Vector<short>(Mixed));
        }

        for (var i = result.Length * Vector<short>.Count; i < a.Length; i++)
            uniform[i] = a[i] == b[i] && a[i] == c[i] && a[i] == d[i] ? a[i] : Mixed;
    }

    /// <summary>The highest of eight labels whose weights add up to at least 0.5, or 0.</summary>
    /// <param name="labels">The labels of the corners.</param>
    /// <param name="weights">Their weights; 1 in all.</param>
    /// <param name="nearest">The corner with the largest weight; in most places its label has more than
    /// half.</param>
    private static short Winner(ReadOnlySpan<short> labels, ReadOnlySpan<double> weights, int nearest)
    {
        if (Share(labels[nearest], 0, labels, weights) > 0.5 + RoundingMargin)
            return labels[nearest];
        var winner = Mixed;
        for (var i = 0; i < 8; i++)
        {
            var label = labels[i];
            if (label <= winner || labels[..i].Contains(label))
                continue;
            if (Share(label, i, labels, weights) >= 0.5)
                winner = label;
        }

        return winner == Mixed ? (short)0 : winner;
    }

    private static double Share(short label, int first, ReadOnlySpan<short> labels, ReadOnlySpan<double> weights)
    {
        var sum = 0.0;
        for (var i = first; i < 8; i++)
            sum += labels[i] == label ? weights[i] : 0;
        return sum;
    }
}
