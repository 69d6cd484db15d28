using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace MedSegDsl.Kernels;

/// <summary>The forward pass of <see cref="ScanProblem"/> for one batch entry and one block of channels.</summary>
internal sealed unsafe class ScanForwardTask : IDisposable
{
    private const int Width = ChannelBlock.Width;

    private readonly ScanProblem scan;
    private readonly int batch;
    private readonly ChannelBlock block;
    private readonly Scratch scratch = new();

    // (N, 16), (16), and (tokens of a chunk, 16).
    private readonly float* rates, state;
    private readonly float* skip, bias;
    private readonly float* u, dt, input, y, z;

    private ScanForwardTask(ScanProblem scan, int batch, ChannelBlock block)
    {
        (this.scan, this.batch, this.block) = (scan, batch, block);
        rates = scratch.Floats(scan.States * Width);
        state = scratch.Floats(scan.States * Width);
        skip = scratch.Floats(Width);
        bias = scratch.Floats(Width);
        const int Chunk = ScanProblem.ChunkLength * Width;
        u = scratch.Floats(Chunk);
        dt = scratch.Floats(Chunk);
        input = scratch.Floats(Chunk);
        y = scratch.Floats(Chunk);
        z = scratch.Floats(Chunk);
    }

    /// <summary>Computes all results.</summary>
    /// <param name="scan">The scan.</param>
    /// <param name="result">Where they go: rows (B, S, L, D).</param>
    public static void RunAll(ScanProblem scan, Rows result) =>
        CpuTasks.Run(scan.Batch * scan.Blocks, index =>
        {
            using var task = new ScanForwardTask(scan, index / scan.Blocks, new ChannelBlock(index % scan.Blocks, scan.Channels));
            task.Run(result);
        });

    /// <summary>Frees the task's memory.</summary>
    public void Dispose() => scratch.Dispose();

    private void Run(Rows result)
    {
        scan.ReadParameters(block, rates, skip, bias);
        for (var segment = 0; segment < scan.Segments; segment++)
        {
            for (var chunk = 0; chunk < scan.SegmentChunks; chunk++)
            {
                var tokens = scan.TokensOf(chunk, out var count);
                if (scan.Starts != null)
                {
                    new Span<float>(state, scan.States * Width).CopyTo(
                        new Span<float>(scan.StartOf(batch, block, segment, chunk), scan.States * Width));
                }
                ScanProblem.Gather(scan.U, batch, segment, block, tokens, count, u);
                ScanProblem.Gather(scan.Delta, batch, segment, block, tokens, count, dt);
                scan.TimeSteps(count, u, dt, bias, dt, input);
                if (scan.AreBounded(dt, count, rates))
                {
                    Steps<BoundedDecay>(segment, tokens, count);
                }
                else
                {
                    Steps<AnyDecay>(segment, tokens, count);
                }
                if (scan.Z.Exist)
                {
                    ScanProblem.Gather(scan.Z, batch, segment, block, tokens, count, z);
                }
                Finish(count);
                ScanProblem.Scatter(y, result, batch, segment, block, tokens, count);
            }
        }
    }

    private void Steps<TDecay>(int segment, int* tokens, int count) where TDecay : struct, IDecay
    {
        for (var t = 0; t < count; t++)
        {
            Step<TDecay>(t, scan.B.At(batch, segment, tokens[t]), scan.C.At(batch, segment, tokens[t]));
        }
    }

    // One token: h ← exp(dt·a)·h + dt·u·b for all states, y = ⟨h, c⟩.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Step<TDecay>(int t, float* b, float* c) where TDecay : struct, IDecay
    {
        var (dt0, dt1) = (Vector256.Load(dt + t * Width), Vector256.Load(dt + t * Width + 8));
        var (in0, in1) = (Vector256.Load(input + t * Width), Vector256.Load(input + t * Width + 8));
        var (y0, y1) = (Vector256<float>.Zero, Vector256<float>.Zero);
        float* rate = rates, h = state;
        var states = scan.States;
        for (var n = 0; n < states; n++, rate += Width, h += Width)
        {
            var (weightIn, weightOut) = (Vector256.Create(b[n]), Vector256.Create(c[n]));
            var h0 = VectorMath.Fma(TDecay.Of(dt0, Vector256.Load(rate)), Vector256.Load(h), in0 * weightIn);
            var h1 = VectorMath.Fma(TDecay.Of(dt1, Vector256.Load(rate + 8)), Vector256.Load(h + 8), in1 * weightIn);
            Vector256.Store(h0, h);
            Vector256.Store(h1, h + 8);
            y0 = VectorMath.Fma(h0, weightOut, y0);
            y1 = VectorMath.Fma(h1, weightOut, y1);
        }
        Vector256.Store(y0, y + t * Width);
        Vector256.Store(y1, y + t * Width + 8);
    }

    // The chunk's results: y + skip·u, times SiLU(z).
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Finish(int count)
    {
        for (var i = 0; i < count * Width; i += 8)
        {
            var skipped = VectorMath.Fma(Vector256.Load(u + i), Vector256.Load(skip + i % Width), Vector256.Load(y + i));
            if (scan.Z.Exist)
            {
                var gate = Vector256.Load(z + i);
                skipped *= gate * VectorMath.Sigmoid(gate);
            }
            Vector256.Store(skipped, y + i);
        }
    }
}
