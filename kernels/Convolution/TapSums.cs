using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace MedSegDsl.Kernels;

/// <summary>
/// The inner loops of the depthwise convolution: sums over the kernel's taps for neighbouring voxels of a row, and sums
/// over a row's voxels for neighbouring taps. Voxels are sixteen floats apart; as many sums at a time as keep
/// the processor's two multiply-add units busy without leaving its registers.
/// </summary>
internal static unsafe class TapSums
{
    private const int Lanes = ChannelBlock.Width;

    /// <summary>Computes a row: each voxel's bias plus the sum over taps of weight times input.</summary>
    /// <param name="x">What the offsets are counted from, for the first voxel.</param>
    /// <param name="offsets">Where each tap's input is.</param>
    /// <param name="taps">How many taps.</param>
    /// <param name="weights">Their weights (taps, 16).</param>
    /// <param name="bias">The bias (16).</param>
    /// <param name="y">Where the row goes (voxels, 16).</param>
    /// <param name="voxels">How many voxels.</param>
    public static void Row(float* x, int* offsets, int taps, float* weights, float* bias, float* y, int voxels)
    {
        var at = 0;
        for (; at + 8 <= voxels; at += 8)
        {
            Eight(x + at * Lanes, offsets, taps, weights, bias, y + at * Lanes);
            Eight(x + at * Lanes + 8, offsets, taps, weights + 8, bias + 8, y + at * Lanes + 8);
        }
        if (at + 4 <= voxels)
        {
            Four(x + at * Lanes, offsets, taps, weights, bias, y + at * Lanes);
            at += 4;
        }
        for (; at < voxels; at++)
        {
            One(x + at * Lanes, offsets, taps, weights, bias, y + at * Lanes);
        }
    }

    /// <summary>Adds a row's part to the weights' gradients: for each tap the sum over voxels of gradient times input.</summary>
    /// <param name="x">What the offsets are counted from, for the first voxel.</param>
    /// <param name="offsets">Where each tap's input is.</param>
    /// <param name="taps">How many taps: k² for each plane, one more than a multiple of eight because k is odd.</param>
    /// <param name="gradient">The results' gradients (voxels, 16).</param>
    /// <param name="sums">The weights' gradients (taps, 16).</param>
    /// <param name="voxels">How many voxels.</param>
    public static void AddWeights(float* x, int* offsets, int taps, float* gradient, float* sums, int voxels)
    {
        while (taps > 0)
        {
            var count = taps == 9 ? 9 : Math.Min(taps, 8);
            for (var half = 0; half < Lanes; half += 8)
            {
                switch (count)
                {
                    case 9:
                        NineTaps(x + half, offsets, gradient + half, sums + half, voxels);
                        break;
                    case 8:
                        EightTaps(x + half, offsets, gradient + half, sums + half, voxels);
                        break;
                    default:
                        OneByOne(x + half, offsets, count, gradient + half, sums + half, voxels);
                        break;
                }
            }
            offsets += count;
            sums += count * Lanes;
            taps -= count;
        }
    }

    // Eight voxels, half the channels.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Eight(float* x, int* offsets, int taps, float* weights, float* bias, float* y)
    {
        var y0 = Vector256.Load(bias);
        var (y1, y2, y3, y4, y5, y6, y7) = (y0, y0, y0, y0, y0, y0, y0);
        for (var tap = 0; tap < taps; tap++)
        {
            var weight = Vector256.Load(weights + tap * Lanes);
            var input = x + offsets[tap];
            y0 = VectorMath.Fma(Vector256.Load(input), weight, y0);
            y1 = VectorMath.Fma(Vector256.Load(input + Lanes), weight, y1);
            y2 = VectorMath.Fma(Vector256.Load(input + 2 * Lanes), weight, y2);
            y3 = VectorMath.Fma(Vector256.Load(input + 3 * Lanes), weight, y3);
            y4 = VectorMath.Fma(Vector256.Load(input + 4 * Lanes), weight, y4);
            y5 = VectorMath.Fma(Vector256.Load(input + 5 * Lanes), weight, y5);
            y6 = VectorMath.Fma(Vector256.Load(input + 6 * Lanes), weight, y6);
            y7 = VectorMath.Fma(Vector256.Load(input + 7 * Lanes), weight, y7);
        }
        Vector256.Store(y0, y);
        Vector256.Store(y1, y + Lanes);
        Vector256.Store(y2, y + 2 * Lanes);
        Vector256.Store(y3, y + 3 * Lanes);
        Vector256.Store(y4, y + 4 * Lanes);
        Vector256.Store(y5, y + 5 * Lanes);
        Vector256.Store(y6, y + 6 * Lanes);
        Vector256.Store(y7, y + 7 * Lanes);
    }

    // Four voxels, all channels.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Four(float* x, int* offsets, int taps, float* weights, float* bias, float* y)
    {
        var (low0, high0) = (Vector256.Load(bias), Vector256.Load(bias + 8));
        var (low1, low2, low3) = (low0, low0, low0);
        var (high1, high2, high3) = (high0, high0, high0);
        for (var tap = 0; tap < taps; tap++)
        {
            var low = Vector256.Load(weights + tap * Lanes);
            var high = Vector256.Load(weights + tap * Lanes + 8);
            var input = x + offsets[tap];
            low0 = VectorMath.Fma(Vector256.Load(input), low, low0);
            high0 = VectorMath.Fma(Vector256.Load(input + 8), high, high0);
            low1 = VectorMath.Fma(Vector256.Load(input + Lanes), low, low1);
            high1 = VectorMath.Fma(Vector256.Load(input + Lanes + 8), high, high1);
            low2 = VectorMath.Fma(Vector256.Load(input + 2 * Lanes), low, low2);
            high2 = VectorMath.Fma(Vector256.Load(input + 2 * Lanes + 8), high, high2);
            low3 = VectorMath.Fma(Vector256.Load(input + 3 * Lanes), low, low3);
            high3 = VectorMath.Fma(Vector256.Load(input + 3 * Lanes + 8), high, high3);
        }
        Vector256.Store(low0, y);
        Vector256.Store(high0, y + 8);
        Vector256.Store(low1, y + Lanes);
        Vector256.Store(high1, y + Lanes + 8);
        Vector256.Store(low2, y + 2 * Lanes);
        Vector256.Store(high2, y + 2 * Lanes + 8);
        Vector256.Store(low3, y + 3 * Lanes);
        Vector256.Store(high3, y + 3 * Lanes + 8);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void One(float* x, int* offsets, int taps, float* weights, float* bias, float* y)
    {
        var (low, high) = (Vector256.Load(bias), Vector256.Load(bias + 8));
        for (var tap = 0; tap < taps; tap++)
        {
            var input = x + offsets[tap];
            low = VectorMath.Fma(Vector256.Load(input), Vector256.Load(weights + tap * Lanes), low);
            high = VectorMath.Fma(Vector256.Load(input + 8), Vector256.Load(weights + tap * Lanes + 8), high);
        }
        Vector256.Store(low, y);
        Vector256.Store(high, y + 8);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void EightTaps(float* x, int* offsets, float* gradient, float* sums, int voxels)
    {
        float* x0 = x + offsets[0], x1 = x + offsets[1], x2 = x + offsets[2], x3 = x + offsets[3];
        float* x4 = x + offsets[4], x5 = x + offsets[5], x6 = x + offsets[6], x7 = x + offsets[7];
        var (s0, s1, s2, s3) = (Sum(sums, 0), Sum(sums, 1), Sum(sums, 2), Sum(sums, 3));
        var (s4, s5, s6, s7) = (Sum(sums, 4), Sum(sums, 5), Sum(sums, 6), Sum(sums, 7));
        for (nint at = 0; at < voxels * (nint)Lanes; at += Lanes)
        {
            var dy = Vector256.Load(gradient + at);
            s0 = VectorMath.Fma(Vector256.Load(x0 + at), dy, s0);
            s1 = VectorMath.Fma(Vector256.Load(x1 + at), dy, s1);
            s2 = VectorMath.Fma(Vector256.Load(x2 + at), dy, s2);
            s3 = VectorMath.Fma(Vector256.Load(x3 + at), dy, s3);
            s4 = VectorMath.Fma(Vector256.Load(x4 + at), dy, s4);
            s5 = VectorMath.Fma(Vector256.Load(x5 + at), dy, s5);
            s6 = VectorMath.Fma(Vector256.Load(x6 + at), dy, s6);
            s7 = VectorMath.Fma(Vector256.Load(x7 + at), dy, s7);
        }
        Vector256.Store(s0, sums);
        Vector256.Store(s1, sums + Lanes);
        Vector256.Store(s2, sums + 2 * Lanes);
        Vector256.Store(s3, sums + 3 * Lanes);
        Vector256.Store(s4, sums + 4 * Lanes);
        Vector256.Store(s5, sums + 5 * Lanes);
        Vector256.Store(s6, sums + 6 * Lanes);
        Vector256.Store(s7, sums + 7 * Lanes);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void NineTaps(float* x, int* offsets, float* gradient, float* sums, int voxels)
    {
        float* x0 = x + offsets[0], x1 = x + offsets[1], x2 = x + offsets[2], x3 = x + offsets[3], x4 = x + offsets[4];
        float* x5 = x + offsets[5], x6 = x + offsets[6], x7 = x + offsets[7], x8 = x + offsets[8];
        var (s0, s1, s2, s3, s4) = (Sum(sums, 0), Sum(sums, 1), Sum(sums, 2), Sum(sums, 3), Sum(sums, 4));
        var (s5, s6, s7, s8) = (Sum(sums, 5), Sum(sums, 6), Sum(sums, 7), Sum(sums, 8));
        for (nint at = 0; at < voxels * (nint)Lanes; at += Lanes)
        {
            var dy = Vector256.Load(gradient + at);
            s0 = VectorMath.Fma(Vector256.Load(x0 + at), dy, s0);
            s1 = VectorMath.Fma(Vector256.Load(x1 + at), dy, s1);
            s2 = VectorMath.Fma(Vector256.Load(x2 + at), dy, s2);
            s3 = VectorMath.Fma(Vector256.Load(x3 + at), dy, s3);
            s4 = VectorMath.Fma(Vector256.Load(x4 + at), dy, s4);
            s5 = VectorMath.Fma(Vector256.Load(x5 + at), dy, s5);
            s6 = VectorMath.Fma(Vector256.Load(x6 + at), dy, s6);
            s7 = VectorMath.Fma(Vector256.Load(x7 + at), dy, s7);
            s8 = VectorMath.Fma(Vector256.Load(x8 + at), dy, s8);
        }
        Vector256.Store(s0, sums);
        Vector256.Store(s1, sums + Lanes);
        Vector256.Store(s2, sums + 2 * Lanes);
        Vector256.Store(s3, sums + 3 * Lanes);
        Vector256.Store(s4, sums + 4 * Lanes);
        Vector256.Store(s5, sums + 5 * Lanes);
        Vector256.Store(s6, sums + 6 * Lanes);
        Vector256.Store(s7, sums + 7 * Lanes);
        Vector256.Store(s8, sums + 8 * Lanes);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void OneByOne(float* x, int* offsets, int taps, float* gradient, float* sums, int voxels)
    {
        for (var tap = 0; tap < taps; tap++)
        {
            var sum = Sum(sums, tap);
            for (var at = 0; at < voxels * Lanes; at += Lanes)
            {
                sum = VectorMath.Fma(Vector256.Load(x + offsets[tap] + at), Vector256.Load(gradient + at), sum);
            }
            Vector256.Store(sum, sums + tap * Lanes);
        }
    }

    private static Vector256<float> Sum(float* sums, int tap) => Vector256.Load(sums + tap * Lanes);
}
