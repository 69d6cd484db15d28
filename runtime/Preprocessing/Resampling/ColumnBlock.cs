using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace MedSegDsl.Runtime.Preprocessing.Resampling;

/// <summary>
/// Up to 64 parallel lines of one axis, in double, small enough for the second-level cache: loaded from
/// float32, turned into B-spline coefficients, read at the new positions and stored as float32. One per
/// thread.
/// </summary>
/// <remarks>
/// Lines lie side by side in strips of 16, so that the recursive filter, sequential along a line, runs in
/// four vectors at once. Two voxels of padding on each side hold the values outside, where the edge voxel is
/// repeated for ever.
/// </remarks>
internal sealed class ColumnBlock
{
    /// <summary>Lines that fit.</summary>
    public const int Width = 64;
    private const int Lanes = SplineFilter.Lanes;
    private const int Padding = SplineFilter.Padding;
    private readonly float[] tile = new float[Lanes * Width];
    private double[] buffer = [];
    private int length;
    private int stripSize;

    /// <summary>Loads lines that run along a far axis: line c, voxel k is source[k · stride + c].</summary>
    public void Load(ReadOnlySpan<float> source, int stride, int lines, int voxels)
    {
        Reserve(voxels);
        for (var k = 0; k < voxels; k++)
        {
            var row = source.Slice(k * stride, lines);
            for (var strip = 0; strip * Lanes < lines; strip++)
            {
                var target = buffer.AsSpan(strip * stripSize + (k + Padding) * Lanes, Lanes);
                var values = row[(strip * Lanes)..];
                if (values.Length >= Lanes)
                    Widen(values, target);
                else
                    for (var lane = 0; lane < values.Length; lane++)
                        target[lane] = values[lane];
            }
        }
    }

    /// <summary>Loads lines that lie one after the other: line r, voxel k is source[r · voxels +
    /// k].</summary>
    public void LoadRows(ReadOnlySpan<float> source, int lines, int voxels)
    {
        Reserve(voxels);
        for (var line = 0; line < lines; line++)
        {
            var row = source.Slice(line * voxels, voxels);
            ref var target = ref buffer[line / Lanes * stripSize + Padding * Lanes + line % Lanes];
            for (var k = 0; k < row.Length; k++)
                Unsafe.Add(ref target, k * Lanes) = row[k];
        }
    }

    /// <summary>Reads the lines at the axis' new positions into target[i · stride + c], clipped to [low,
    /// high].</summary>
    public void Store(AxisSampling axis, Span<float> target, int stride, int lines, float low, float high)
    {
        Prepare(axis, lines);
        for (var i = 0; i < axis.To; i++)
        {
            var row = target.Slice(i * stride, lines);
            for (var strip = 0; strip * Lanes < lines; strip++)
            {
                var values = row[(strip * Lanes)..];
                if (values.Length >= Lanes)
                {
                    Evaluate(axis, i, strip, values, low, high);
                }
                else
                {
                    Evaluate(axis, i, strip, tile, low, high);
                    tile.AsSpan(0, values.Length).CopyTo(values);
                }
            }
        }
    }

    /// <summary>Reads the lines at the axis' new positions into target[r · To + i], clipped to [low,
    /// high].</summary>
    public void StoreRows(AxisSampling axis, Span<float> target, int lines, float low, float high)
    {
        Prepare(axis, lines);
        for (var start = 0; start < axis.To; start += Lanes)
        {
            var count = Math.Min(Lanes, axis.To - start);
            for (var i = 0; i < count; i++)
                for (var strip = 0; strip * Lanes < lines; strip++)
                    Evaluate(axis, start + i, strip, tile.AsSpan(i * Width + strip * Lanes, Lanes), low, high);
            for (var line = 0; line < lines; line++)
            {
                var row = target.Slice(line * axis.To + start, count);
                for (var i = 0; i < row.Length; i++)
                    row[i] = tile[i * Width + line];
            }
        }
    }

    private void Reserve(int voxels)
    {
        length = voxels;
        stripSize = (voxels + 2 * Padding) * Lanes;
        if (buffer.Length < stripSize * (Width / Lanes))
            buffer = new double[stripSize * (Width / Lanes)];
    }

    private void Prepare(AxisSampling axis, int lines)
    {
        for (var strip = 0; strip * Lanes < lines; strip++)
        {
            var values = buffer.AsSpan(strip * stripSize, stripSize);
            if (axis.Order > 1)
                SplineFilter.Apply(values, length, axis.Order);
            else
                RepeatEdges(values);
        }
    }

    private void RepeatEdges(Span<double> strip)
    {
        var first = strip.Slice(Padding * Lanes, Lanes);
        var last = strip.Slice((Padding + length - 1) * Lanes, Lanes);
        for (var k = 0; k < Padding; k++)
        {
            first.CopyTo(strip[(k * Lanes)..]);
            last.CopyTo(strip[((Padding + length + k) * Lanes)..]);
        }
    }

    private static void Widen(ReadOnlySpan<float> source, Span<double> target)
    {
        ref var from = ref MemoryMarshal.GetReference(source);
        ref var to = ref MemoryMarshal.GetReference(target);
        for (nuint lane = 0; lane < Lanes; lane += 8)
        {
            var (lower, upper) = Vector256.Widen(Vector256.LoadUnsafe(ref from, lane));
            lower.StoreUnsafe(ref to, lane);
            upper.StoreUnsafe(ref to, lane + 4);
        }
    }

    /// <summary>One output voxel of the 16 lines of a strip.</summary>
    private void Evaluate(AxisSampling axis, int i, int strip, Span<float> target, float low, float high)
    {
        ref var rows = ref buffer[strip * stripSize + (axis.First[i] + Padding) * Lanes];
        ref var to = ref MemoryMarshal.GetReference(target[..Lanes]);
        var weights = axis.Weights.AsSpan(i * axis.Taps, axis.Taps);
        var (lowest, highest) = (Vector256.Create(low), Vector256.Create(high));
        for (nuint lane = 0; lane < Lanes; lane += 8)
        {
            var weight = Vector256.Create(weights[0]);
            var lower = weight * Vector256.LoadUnsafe(ref rows, lane);
            var upper = weight * Vector256.LoadUnsafe(ref rows, lane + 4);
            for (var tap = 1; tap < weights.Length; tap++)
            {
                var offset = (nuint)(tap * Lanes) + lane;
                weight = Vector256.Create(weights[tap]);
                lower = Vector256.MultiplyAddEstimate(weight, Vector256.LoadUnsafe(ref rows, offset), lower);
                upper = Vector256.MultiplyAddEstimate(weight, Vector256.LoadUnsafe(ref rows, offset + 4), upper);
            }

            var value = Vector256.Narrow(lower, upper);
            Vector256.Min(Vector256.Max(value, lowest), highest).StoreUnsafe(ref to, lane);
        }
    }
}
