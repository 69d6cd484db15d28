using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace MedSegDsl.Kernels;

/// <summary>The tasks of <see cref="DepthwiseProblem"/>: the convolution itself, and the gradients of its weights.</summary>
internal static unsafe class DepthwiseTasks
{
    private const int Lanes = TapSums.Lanes;

    /// <summary>Convolves a volume. The input's gradient is this as well, of the result's gradient with the kernel flipped.</summary>
    /// <param name="problem">The sizes.</param>
    /// <param name="x">The input.</param>
    /// <param name="weight">The kernels (C, k³), contiguous.</param>
    /// <param name="places">For each tap over the volume its place in the kernel.</param>
    /// <param name="bias">The bias (C), or null for none.</param>
    /// <param name="y">Where the result goes.</param>
    public static void Convolve(DepthwiseProblem problem, Volume x, float* weight, int[] places, float* bias, Volume y) =>
        CpuTasks.Run(problem.Tasks, index =>
        {
            var (batch, slab, block) = problem.Task(index);
            using var scratch = new Scratch();
            var window = new PlaneWindow(problem, x, batch, block, problem.FirstPlane(slab), scratch);
            var weights = Pack(problem, weight, places, block, scratch);
            var start = scratch.Floats(2 * Lanes);
            var rowLength = problem.RoundedWidth * Lanes;
            var row = scratch.Floats(2 * rowLength);
            if (bias != null)
            {
                block.Read(bias, start);
            }
            for (var d = problem.FirstPlane(slab); d < problem.FirstPlane(slab + 1); d++)
            {
                var (first, rows) = window.MoveTo(d);
                for (var h = 0; h < problem.Height; h++)
                {
                    for (var half = 0; half < 2; half++)
                    {
                        TapSums.Row(
                            window.Corner(h, half), window.Offsets, rows, problem.Kernel,
                            weights + (half * problem.Taps + first * problem.Kernel) * Lanes,
                            start + half * Lanes, row + half * rowLength, problem.RoundedWidth);
                    }
                    block.WriteRows(row, row + rowLength, y.Row(batch, d, h), y.Step, problem.Width);
                }
            }
        });

    /// <summary>Computes the gradients of weights and bias, a part for each batch entry and slab.</summary>
    /// <param name="problem">The sizes.</param>
    /// <param name="x">The input.</param>
    /// <param name="places">For each tap over the volume its place in the kernel.</param>
    /// <param name="gradient">The result's gradient.</param>
    /// <param name="weightParts">Where the weights' parts go, (B · slabs, C, k³).</param>
    /// <param name="biasParts">Where the bias's parts go, (B · slabs, C).</param>
    public static void WeightGradients(
        DepthwiseProblem problem, Volume x, int[] places, Volume gradient, double* weightParts, double* biasParts) =>
        CpuTasks.Run(problem.Tasks, index =>
        {
            var (batch, slab, block) = problem.Task(index);
            using var scratch = new Scratch();
            var window = new PlaneWindow(problem, x, batch, block, problem.FirstPlane(slab), scratch);
            var rowLength = problem.Width * Lanes;
            var row = scratch.Floats(2 * rowLength);

            // The sums of a plane in float, of all planes in double: for each half of the channels weights, bias, and the sums
            // that nobody uses.
            var (biasAt, unusedAt) = (problem.Taps * Lanes, (problem.Taps + 1) * Lanes);
            var size = unusedAt + problem.Kernel * Lanes;
            var sums = scratch.Floats(2 * size);
            var totals = scratch.Doubles(2 * size);
            for (var d = problem.FirstPlane(slab); d < problem.FirstPlane(slab + 1); d++)
            {
                var (first, rows) = window.MoveTo(d);
                for (var h = 0; h < problem.Height; h++)
                {
                    block.ReadRows(gradient.Row(batch, d, h), gradient.Step, problem.Width, row, row + rowLength);
                    for (var half = 0; half < 2; half++)
                    {
                        float* dy = row + half * rowLength, sum = sums + half * size;
                        TapSums.AddWeights(
                            window.Corner(h, half), window.Offsets, rows, problem.Kernel, dy, sum + first * problem.Kernel * Lanes,
                            sum + unusedAt, problem.Width);
                        AddVoxels(dy, problem.Width, sum + biasAt);
                    }
                }
                AddToTotals(sums, totals, 2 * size);
            }

            var part = ((long)batch * problem.Slabs + slab) * problem.Channels + block.First;
            for (var i = 0; i < block.Used; i++)
            {
                var total = totals + i / Lanes * size + i % Lanes;
                for (var tap = 0; tap < problem.Taps; tap++)
                {
                    weightParts[(part + i) * problem.Taps + places[tap]] = total[tap * Lanes];
                }
                biasParts[part + i] = total[biasAt];
            }
        });

    // A block's weights as (2, taps, 8), in the order of the taps over the volume.
    private static float* Pack(DepthwiseProblem problem, float* weight, int[] places, ChannelBlock block, Scratch scratch)
    {
        var packed = scratch.Floats(2 * problem.Taps * Lanes);
        for (var i = 0; i < block.Used; i++)
        {
            for (var tap = 0; tap < problem.Taps; tap++)
            {
                packed[(i / Lanes * problem.Taps + tap) * Lanes + i % Lanes] = weight[(block.First + i) * problem.Taps + places[tap]];
            }
        }
        return packed;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void AddVoxels(float* row, int voxels, float* sums)
    {
        var sum = Vector256.Load(sums);
        for (var at = 0; at < voxels * Lanes; at += Lanes)
        {
            sum += Vector256.Load(row + at);
        }
        Vector256.Store(sum, sums);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void AddToTotals(float* sums, double* totals, int count)
    {
        for (var i = 0; i < count; i += 8)
        {
            var (low, high) = Vector256.Widen(Vector256.Load(sums + i));
            Vector256.Store(Vector256.Load(totals + i) + low, totals + i);
            Vector256.Store(Vector256.Load(totals + i + 4) + high, totals + i + 4);
            Vector256.Store(Vector256<float>.Zero, sums + i);
        }
    }
}
