using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace MedSegDsl.Runtime.Preprocessing.Resampling;

/// <summary>
/// Turns samples into B-spline coefficients by a causal and an anticausal recursion (Unser, "Splines: a
/// perfect fit for signal and image processing", 1999). Outside, the edge sample is repeated for ever, so
/// both recursions start from a closed form. scipy repeats it 12 times and mirrors; the difference decays as
/// pole^24, about 1e-14.
/// </summary>
internal static class SplineFilter
{
    /// <summary>Lines of a strip: four vectors, so that one step of the recursion need not wait for the one
    /// before.</summary>
    public const int Lanes = 16;

    /// <summary>Rows before and after the samples; they receive the coefficients outside.</summary>
    public const int Padding = 2;

    /// <summary>Filters a strip of 16 lines in place.</summary>
    /// <param name="strip">(length + 4) × 16 values; rows 2 … length + 1 are the samples.</param>
    /// <param name="length">Samples of a line.</param>
    /// <param name="order">2 or 3.</param>
    public static void Apply(Span<double> strip, int length, int order)
    {
        var pole = order == 3 ? Math.Sqrt(3) - 2 : Math.Sqrt(8) - 3;
        var gain = (1 - pole) * (1 - 1 / pole);
        var rows = length + 2 * Padding;
        ref var values = ref MemoryMarshal.GetReference(strip[..(rows * Lanes)]);
        var last = Row.Load(ref values, rows - Padding - 1);
        Causal(ref values, rows, last, pole, gain);
        Anticausal(ref values, rows, last, pole, gain);
    }

    /// <summary>c⁺[k] = gain · s[k] + pole · c⁺[k − 1], settled before the first sample.</summary>
    private static void Causal(ref double values, int rows, Row last, double pole, double gain)
    {
        var state = Row.Load(ref values, Padding) * (gain / (1 - pole));
        for (var row = 0; row < Padding; row++)
            state.Store(ref values, row);
        for (var row = Padding; row < rows - Padding; row++)
        {
            state = Row.MultiplyAdd(pole, state, Row.Load(ref values, row) * gain);
            state.Store(ref values, row);
        }

        for (var row = rows - Padding; row < rows; row++)
        {
            state = Row.MultiplyAdd(pole, state, last * gain);
            state.Store(ref values, row);
        }
    }

    /// <summary>c[k] = pole · (c[k + 1] − c⁺[k]).</summary>
    /// <remarks>After the last row c⁺ is settled + (c⁺[last] − settled) · pole^k; the sum over it is
    /// geometric.</remarks>
    private static void Anticausal(ref double values, int rows, Row last, double pole, double gain)
    {
        var settled = last * (gain / (1 - pole));
        var distance = Row.MultiplyAdd(-1, settled, Row.Load(ref values, rows - 1));
        var state = Row.MultiplyAdd(-pole / (1 - pole * pole), distance, settled * (-pole / (1 - pole)));
        state.Store(ref values, rows - 1);
        for (var row = rows - 2; row >= 0; row--)
        {
            state = Row.MultiplyAdd(pole, state, Row.Load(ref values, row) * -pole);
            state.Store(ref values, row);
        }
    }

    /// <summary>One voxel of 16 lines.</summary>
    private readonly struct Row(Vector256<double> a, Vector256<double> b, Vector256<double> c, Vector256<double> d)
    {
        private readonly Vector256<double> a = a, b = b, c = c, d = d;

        public static Row Load(ref double values, int row)
        {
            var at = (nuint)(row * Lanes);
            return new Row(
                Vector256.LoadUnsafe(ref values, at),
                Vector256.LoadUnsafe(ref values, at + 4),
                Vector256.LoadUnsafe(ref values, at + 8),
                Vector256.LoadUnsafe(ref values, at + 12));
        }

        public void Store(ref double values, int row)
        {
            var at = (nuint)(row * Lanes);
            a.StoreUnsafe(ref values, at);
            b.StoreUnsafe(ref values, at + 4);
            c.StoreUnsafe(ref values, at + 8);
            d.StoreUnsafe(ref values, at + 12);
        }

        public static Row operator *(Row row, double factor) =>
            new(row.a * factor, row.b * factor, row.c * factor, row.d * factor);

        /// <summary>factor · row + addend.</summary>
        public static Row MultiplyAdd(double factor, Row row, Row addend)
        {
            var f = Vector256.Create(factor);
            return new Row(
                Vector256.MultiplyAddEstimate(f, row.a, addend.a),
                Vector256.MultiplyAddEstimate(f, row.b, addend.b),
                Vector256.MultiplyAddEstimate(f, row.c, addend.c),
                Vector256.MultiplyAddEstimate(f, row.d, addend.d));
        }
    }
}
