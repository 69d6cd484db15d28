using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace MedSegDsl.Kernels;

/// <summary>
/// Elementary functions on eight floats at once, exact to a few units in the last place. .NET's own vector exponential
/// works in double precision, which the scan cannot afford: it takes one for each token, channel and state.
/// </summary>
internal static class VectorMath
{
    /// <summary>log₂ e: exp(x) = 2^(x · Log2E).</summary>
    public const float Log2E = 1.44269504f;

    /// <summary>ln 2.</summary>
    public const float Ln2 = 0.693147181f;

    // Adding 1.5·2²³ rounds to an integer n, which then stands in the low bits; with 127 added they are 2ⁿ's exponent.
    private const float Rounder = 12582912f + 127f;

    /// <summary>2ˣ; below 2⁻¹²⁶ and above 2¹²⁷ it stays at these.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Exp2(Vector256<float> x)
    {
        x = Vector256.MinNative(Vector256.MaxNative(x, Vector256.Create(-126f)), Vector256.Create(127f));
        var shifted = x + Vector256.Create(Rounder);
        var f = x - (shifted - Vector256.Create(Rounder));

        // 2ᶠ = 1 + f·q(f) on [−½, ½]: Chebyshev interpolation of q, error 5·10⁻⁹, exact at 0.
        var q = Fma(f, Vector256.Create(0.00015453162939696504f), Vector256.Create(0.0013390863364625236f));
        q = Fma(q, f, Vector256.Create(0.00961808255730196f));
        q = Fma(q, f, Vector256.Create(0.05550357114219158f));
        q = Fma(q, f, Vector256.Create(0.24022650760567846f));
        q = Fma(q, f, Vector256.Create(0.6931471880262287f));
        q = Fma(q, f, Vector256.Create(1f));
        return q * Vector256.ShiftLeft(shifted.AsInt32(), 23).AsSingle();
    }

    /// <summary>eˣ, with the limits of <see cref="Exp2"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Exp(Vector256<float> x) => Exp2(x * Vector256.Create(Log2E));

    /// <summary>1 / (1 + e⁻ˣ).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Sigmoid(Vector256<float> x) => Vector256<float>.One / (Vector256<float>.One + Exp(-x));

    /// <summary>log(1 + eˣ), exact relative to its own size also where it is small.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Softplus(Vector256<float> x)
    {
        // max(x, 0) + log(1 + v) with v = exp(−|x|), and log(1 + v) = 2·atanh(s), s = v / (2 + v) in [0, ⅓].
        var v = Exp(-Vector256.Abs(x));
        var s = v / (v + Vector256.Create(2f));
        var q = s * s;

        // atanh(s) / s as a polynomial in s² on [0, 1/9]: Chebyshev interpolation, error 4·10⁻⁹.
        var p = Fma(q, Vector256.Create(0.1407888918329598f), Vector256.Create(0.1398257887228139f));
        p = Fma(p, q, Vector256.Create(0.20012297615355565f));
        p = Fma(p, q, Vector256.Create(0.3333316082069003f));
        p = Fma(p, q, Vector256.Create(1f));
        return Fma(s + s, p, Vector256.MaxNative(x, Vector256<float>.Zero));
    }

    /// <summary>a·b + c, rounded once where the processor can.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Fma(Vector256<float> a, Vector256<float> b, Vector256<float> c) =>
        Vector256.MultiplyAddEstimate(a, b, c);

    /// <summary>The sum over the lanes of each of eight vectors: lane i is the sum of the i-th.</summary>
    /// <param name="rows">The eight vectors, one after the other.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static unsafe Vector256<float> SumsOfEight(float* rows)
    {
        if (Avx.IsSupported)
        {
            var sums0123 = Avx.HorizontalAdd(Pair(rows, 0), Pair(rows, 2));
            var sums4567 = Avx.HorizontalAdd(Pair(rows, 4), Pair(rows, 6));
            var low = Avx.Permute2x128(sums0123, sums4567, 0x20);
            var high = Avx.Permute2x128(sums0123, sums4567, 0x31);
            return low + high;
        }
        var sums = Vector256<float>.Zero;
        for (var i = 0; i < 8; i++)
        {
            sums = sums.WithElement(i, Vector256.Sum(Vector256.Load(rows + 8 * i)));
        }
        return sums;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static unsafe Vector256<float> Pair(float* rows, int i) =>
        Avx.HorizontalAdd(Vector256.Load(rows + 8 * i), Vector256.Load(rows + 8 * i + 8));
}
