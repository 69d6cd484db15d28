using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace MedSegDsl.Kernels;

/// <summary>
/// The inner loops of the depthwise convolution, for eight channels at a time. They keep as many sums in registers as it takes
/// to keep the processor's two multiply-add units busy (each takes four cycles), and use each input that they load for
/// three sums, because loading is what limits them else. A kernel row is the k taps of one depth and height.
/// </summary>
internal static unsafe class TapSums
{
    /// <summary>Channels: floats from a voxel to the next.</summary>
    public const int Lanes = 8;

    /// <summary>Voxels that <see cref="Row"/> works on at a time; rows have at least so many.</summary>
    public const int Voxels = 8;

    /// <summary>Kernel rows that <see cref="AddWeights"/> may work on at a time: so many offsets more than rows must be there to read.</summary>
    public const int KernelRows = 8;

    /// <summary>Computes a row: each voxel's bias plus the sum over taps of weight times input.</summary>
    /// <param name="x">What the offsets are counted from, for the first voxel.</param>
    /// <param name="offsets">Where each kernel row's first input is.</param>
    /// <param name="rows">How many kernel rows.</param>
    /// <param name="kernel">Taps of a kernel row.</param>
    /// <param name="weights">The weights (rows, kernel, 8).</param>
    /// <param name="bias">The bias (8).</param>
    /// <param name="y">Where the row goes (voxels, 8).</param>
    /// <param name="voxels">How many voxels, at least <see cref="Voxels"/>.</param>
    public static void Row(float* x, int* offsets, int rows, int kernel, float* weights, float* bias, float* y, int voxels)
    {
        for (var at = 0; at < voxels; at += Voxels)
        {
            // The last eight overlap the ones before where the row is no multiple of eight.
            var first = Math.Min(at, voxels - Voxels) * Lanes;
            EightVoxels(x + first, offsets, rows, kernel, weights, bias, y + first);
        }
    }

    /// <summary>Adds a row's part to the weights' gradients: for each tap the sum over voxels of gradient times input.</summary>
    /// <param name="x">What the offsets are counted from, for the first voxel.</param>
    /// <param name="offsets">Where each kernel row's first input is; valid past the last row, see <see cref="KernelRows"/>.</param>
    /// <param name="rows">How many kernel rows.</param>
    /// <param name="kernel">Taps of a kernel row.</param>
    /// <param name="gradient">The results' gradients (voxels, 8).</param>
    /// <param name="sums">The weights' gradients (rows, kernel, 8).</param>
    /// <param name="unused">As many floats as a kernel row's sums have, for rows past the last.</param>
    /// <param name="voxels">How many voxels.</param>
    public static void AddWeights(
        float* x, int* offsets, int rows, int kernel, float* gradient, float* sums, float* unused, int voxels)
    {
        var rowSums = stackalloc float*[KernelRows];
        for (var row = 0; row < rows; row += 3)
        {
            for (var i = 0; i < 3; i++)
            {
                rowSums[i] = row + i < rows ? sums + (row + i) * kernel * Lanes : unused;
            }
            for (var tap = 0; tap + 3 <= kernel; tap += 3)
            {
                ThreeTapsOfThreeRows(x, offsets + row, tap * Lanes, gradient, rowSums, voxels);
            }
        }
        for (var row = 0; row < rows && kernel % 3 != 0; row += KernelRows)
        {
            for (var i = 0; i < KernelRows; i++)
            {
                rowSums[i] = row + i < rows ? sums + (row + i) * kernel * Lanes : unused;
            }
            for (var tap = kernel / 3 * 3; tap < kernel; tap++)
            {
                OneTapOfEightRows(x, offsets + row, tap * Lanes, gradient, rowSums, voxels);
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void EightVoxels(float* x, int* offsets, int rows, int kernel, float* weight, float* bias, float* y)
    {
        var y0 = Vector256.Load(bias);
        var (y1, y2, y3, y4, y5, y6, y7) = (y0, y0, y0, y0, y0, y0, y0);
        for (var row = 0; row < rows; row++)
        {
            var input = x + offsets[row];
            var taps = kernel;
            for (; taps >= 3; taps -= 3, weight += 3 * Lanes, input += 3 * Lanes)
            {
                var (a, b, c) = (Vector256.Load(weight), Vector256.Load(weight + Lanes), Vector256.Load(weight + 2 * Lanes));
                var v = Vector256.Load(input);
                y0 = VectorMath.Fma(v, a, y0);
                v = Vector256.Load(input + Lanes);
                (y0, y1) = (VectorMath.Fma(v, b, y0), VectorMath.Fma(v, a, y1));
                v = Vector256.Load(input + 2 * Lanes);
                (y0, y1, y2) = (VectorMath.Fma(v, c, y0), VectorMath.Fma(v, b, y1), VectorMath.Fma(v, a, y2));
                v = Vector256.Load(input + 3 * Lanes);
                (y1, y2, y3) = (VectorMath.Fma(v, c, y1), VectorMath.Fma(v, b, y2), VectorMath.Fma(v, a, y3));
                v = Vector256.Load(input + 4 * Lanes);
                (y2, y3, y4) = (VectorMath.Fma(v, c, y2), VectorMath.Fma(v, b, y3), VectorMath.Fma(v, a, y4));
                v = Vector256.Load(input + 5 * Lanes);
                (y3, y4, y5) = (VectorMath.Fma(v, c, y3), VectorMath.Fma(v, b, y4), VectorMath.Fma(v, a, y5));
                v = Vector256.Load(input + 6 * Lanes);
                (y4, y5, y6) = (VectorMath.Fma(v, c, y4), VectorMath.Fma(v, b, y5), VectorMath.Fma(v, a, y6));
                v = Vector256.Load(input + 7 * Lanes);
                (y5, y6, y7) = (VectorMath.Fma(v, c, y5), VectorMath.Fma(v, b, y6), VectorMath.Fma(v, a, y7));
                v = Vector256.Load(input + 8 * Lanes);
                (y6, y7) = (VectorMath.Fma(v, c, y6), VectorMath.Fma(v, b, y7));
                v = Vector256.Load(input + 9 * Lanes);
                y7 = VectorMath.Fma(v, c, y7);
            }
            for (; taps > 0; taps--, weight += Lanes, input += Lanes)
            {
                var a = Vector256.Load(weight);
                y0 = VectorMath.Fma(Vector256.Load(input), a, y0);
                y1 = VectorMath.Fma(Vector256.Load(input + Lanes), a, y1);
                y2 = VectorMath.Fma(Vector256.Load(input + 2 * Lanes), a, y2);
                y3 = VectorMath.Fma(Vector256.Load(input + 3 * Lanes), a, y3);
                y4 = VectorMath.Fma(Vector256.Load(input + 4 * Lanes), a, y4);
                y5 = VectorMath.Fma(Vector256.Load(input + 5 * Lanes), a, y5);
                y6 = VectorMath.Fma(Vector256.Load(input + 6 * Lanes), a, y6);
                y7 = VectorMath.Fma(Vector256.Load(input + 7 * Lanes), a, y7);
            }
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

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void ThreeTapsOfThreeRows(float* x, int* offsets, int tap, float* gradient, float** sums, int voxels)
    {
        x += tap;
        float* x0 = x + offsets[0], x1 = x + offsets[1], x2 = x + offsets[2];
        float* sums0 = sums[0] + tap, sums1 = sums[1] + tap, sums2 = sums[2] + tap;
        var (a0, b0, c0) = (Vector256.Load(sums0), Vector256.Load(sums0 + Lanes), Vector256.Load(sums0 + 2 * Lanes));
        var (a1, b1, c1) = (Vector256.Load(sums1), Vector256.Load(sums1 + Lanes), Vector256.Load(sums1 + 2 * Lanes));
        var (a2, b2, c2) = (Vector256.Load(sums2), Vector256.Load(sums2 + Lanes), Vector256.Load(sums2 + 2 * Lanes));
        var left = voxels;
        for (; left >= 4; left -= 4, gradient += 4 * Lanes, x0 += 4 * Lanes, x1 += 4 * Lanes, x2 += 4 * Lanes)
        {
            var (d0, d1) = (Vector256.Load(gradient), Vector256.Load(gradient + Lanes));
            var (d2, d3) = (Vector256.Load(gradient + 2 * Lanes), Vector256.Load(gradient + 3 * Lanes));
            FourVoxels(x0, d0, d1, d2, d3, ref a0, ref b0, ref c0);
            FourVoxels(x1, d0, d1, d2, d3, ref a1, ref b1, ref c1);
            FourVoxels(x2, d0, d1, d2, d3, ref a2, ref b2, ref c2);
        }
        for (; left > 0; left--, gradient += Lanes, x0 += Lanes, x1 += Lanes, x2 += Lanes)
        {
            var d = Vector256.Load(gradient);
            OneVoxel(x0, d, ref a0, ref b0, ref c0);
            OneVoxel(x1, d, ref a1, ref b1, ref c1);
            OneVoxel(x2, d, ref a2, ref b2, ref c2);
        }
        StoreThree(sums0, a0, b0, c0);
        StoreThree(sums1, a1, b1, c1);
        StoreThree(sums2, a2, b2, c2);
    }

    // Three neighbouring taps: each of the six inputs goes with up to three of the four gradients.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void FourVoxels(
        float* x, Vector256<float> d0, Vector256<float> d1, Vector256<float> d2, Vector256<float> d3,
        ref Vector256<float> a, ref Vector256<float> b, ref Vector256<float> c)
    {
        var v = Vector256.Load(x);
        a = VectorMath.Fma(v, d0, a);
        v = Vector256.Load(x + Lanes);
        (a, b) = (VectorMath.Fma(v, d1, a), VectorMath.Fma(v, d0, b));
        v = Vector256.Load(x + 2 * Lanes);
        (a, b, c) = (VectorMath.Fma(v, d2, a), VectorMath.Fma(v, d1, b), VectorMath.Fma(v, d0, c));
        v = Vector256.Load(x + 3 * Lanes);
        (a, b, c) = (VectorMath.Fma(v, d3, a), VectorMath.Fma(v, d2, b), VectorMath.Fma(v, d1, c));
        v = Vector256.Load(x + 4 * Lanes);
        (b, c) = (VectorMath.Fma(v, d3, b), VectorMath.Fma(v, d2, c));
        v = Vector256.Load(x + 5 * Lanes);
        c = VectorMath.Fma(v, d3, c);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void OneVoxel(float* x, Vector256<float> d, ref Vector256<float> a, ref Vector256<float> b, ref Vector256<float> c)
    {
        a = VectorMath.Fma(Vector256.Load(x), d, a);
        b = VectorMath.Fma(Vector256.Load(x + Lanes), d, b);
        c = VectorMath.Fma(Vector256.Load(x + 2 * Lanes), d, c);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void StoreThree(float* sums, Vector256<float> a, Vector256<float> b, Vector256<float> c)
    {
        Vector256.Store(a, sums);
        Vector256.Store(b, sums + Lanes);
        Vector256.Store(c, sums + 2 * Lanes);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void OneTapOfEightRows(float* x, int* offsets, int tap, float* gradient, float** sums, int voxels)
    {
        x += tap;
        float* x0 = x + offsets[0], x1 = x + offsets[1], x2 = x + offsets[2], x3 = x + offsets[3];
        float* x4 = x + offsets[4], x5 = x + offsets[5], x6 = x + offsets[6], x7 = x + offsets[7];
        var (s0, s1, s2, s3) = (Vector256.Load(sums[0] + tap), Vector256.Load(sums[1] + tap), Vector256.Load(sums[2] + tap), Vector256.Load(sums[3] + tap));
        var (s4, s5, s6, s7) = (Vector256.Load(sums[4] + tap), Vector256.Load(sums[5] + tap), Vector256.Load(sums[6] + tap), Vector256.Load(sums[7] + tap));
        for (nint at = 0; at < voxels * (nint)Lanes; at += Lanes)
        {
            var d = Vector256.Load(gradient + at);
            s0 = VectorMath.Fma(Vector256.Load(x0 + at), d, s0);
            s1 = VectorMath.Fma(Vector256.Load(x1 + at), d, s1);
            s2 = VectorMath.Fma(Vector256.Load(x2 + at), d, s2);
            s3 = VectorMath.Fma(Vector256.Load(x3 + at), d, s3);
            s4 = VectorMath.Fma(Vector256.Load(x4 + at), d, s4);
            s5 = VectorMath.Fma(Vector256.Load(x5 + at), d, s5);
            s6 = VectorMath.Fma(Vector256.Load(x6 + at), d, s6);
            s7 = VectorMath.Fma(Vector256.Load(x7 + at), d, s7);
        }
        Vector256.Store(s0, sums[0] + tap);
        Vector256.Store(s1, sums[1] + tap);
        Vector256.Store(s2, sums[2] + tap);
        Vector256.Store(s3, sums[3] + tap);
        Vector256.Store(s4, sums[4] + tap);
        Vector256.Store(s5, sums[5] + tap);
        Vector256.Store(s6, sums[6] + tap);
        Vector256.Store(s7, sums[7] + tap);
    }
}
