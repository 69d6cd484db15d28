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

    // Adding 1.5·2²³ rounds to an integer n, which then stands in the low bits; with 127 added they are 2ⁿ's exponent. As
    // integers the sums for n = −127 (exponent 0, the number 0) and n = 128 (exponent 255, infinity) bound them.
    private const float Rounder = 12582912f + 127f;
    private const int Lowest = 0x4b400000, Highest = Lowest + 255;

    // 2ᶠ = 1 + f·(P1 + P2·f + … + P5·f⁴) on [−½, ½]: the least largest error, 9·10⁻⁸, and exact at 0, so that slow decays
    // do not drift over many tokens.
    private const float P1 = 0.693146977598566f, P2 = 0.24022242084969525f, P3 = 0.055507337440947824f;
    private const float P4 = 0.009671512658257447f, P5 = 0.0013264726944005958f;

    /// <summary>2ˣ; zero where that is below 2⁻¹²⁶, infinity where it is above 2¹²⁸.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Exp2(Vector256<float> x)
    {
        var shifted = x + Vector256.Create(Rounder);
        var f = x - (shifted - Vector256.Create(Rounder));
        var bounded = Vector256.Min(Vector256.Max(shifted.AsInt32(), Vector256.Create(Lowest)), Vector256.Create(Highest));
        return Polynomial(f) * Vector256.ShiftLeft(bounded, 23).AsSingle();
    }

    /// <summary>2^(x·y) where |x·y| ≤ 126: a third faster for not looking after the limits.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Exp2OfProduct(Vector256<float> x, Vector256<float> y)
    {
        var shifted = Fma(x, y, Vector256.Create(Rounder));
        var f = Fma(x, y, Vector256.Create(Rounder) - shifted);
        return Polynomial(f) * Vector256.ShiftLeft(shifted.AsInt32(), 23).AsSingle();
    }

    /// <summary>eˣ, with the same limits.</summary>
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

        // atanh(s) / s as a polynomial in s² on [0, 1/9], the least largest error, 4·10⁻⁹, and exact at 0.
        var p = Fma(q, Vector256.Create(0.1400599443570636f), Vector256.Create(0.14000902408804985f));
        p = Fma(p, q, Vector256.Create(0.20010763635103515f));
        p = Fma(p, q, Vector256.Create(0.33333208142518334f));
        p = Fma(p, q, Vector256<float>.One);
        return Fma(s + s, p, Vector256.MaxNative(x, Vector256<float>.Zero));
    }

    /// <summary>a·b + c, rounded once where the processor can.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Fma(Vector256<float> a, Vector256<float> b, Vector256<float> c) =>
        Vector256.MultiplyAddEstimate(a, b, c);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> Polynomial(Vector256<float> f)
    {
        var f2 = f * f;
        var p = Fma(f, Vector256.Create(P5), Vector256.Create(P4));
        p = Fma(p, f2, Fma(f, Vector256.Create(P3), Vector256.Create(P2)));
        return Fma(p, f2, Fma(f, Vector256.Create(P1), Vector256<float>.One));
    }

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
