using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace MedSegDsl.Kernels;

/// <summary>
/// The backward pass of <see cref="ScanProblem"/> for one batch entry and one block of channels. Chunks are walked from the
/// last to the first: from the kept state at a chunk's start its states are computed again, then the states' gradients are
/// carried back through them.
/// </summary>
internal sealed unsafe class ScanBackwardTask : IDisposable
{
    private const int Width = ChannelBlock.Width;
    private const int ChunkLength = ScanProblem.ChunkLength;

    private readonly ScanProblem scan;
    private readonly ScanGradients gradients;
    private readonly int batch;
    private readonly ChannelBlock block;
    private readonly Scratch scratch = new();

    // Parameters: (N, 16) and (16).
    private readonly float* rates, skip, bias;

    // Of a chunk, (tokens, 16): u, delta (then the gradient of delta), dt, dt·u, y before gate and skip, z (then its
    // gradient), and the gradients of the result (then of y) and of u.
    private readonly float* u, delta, dt, input, y, z, dy, du;

    // Of a chunk, (tokens + 1, N, 16) and (tokens, N, 16): states, from the one before the first token, and decays.
    private readonly float* states, decays;

    // The gradient that the later tokens' states leave to the one before, (N, 16).
    private readonly float* carry;

    // Of a token, (N rounded up to 8, 8): the sums over channels of the gradients of b and c, each still in eight lanes.
    private readonly float* inLanes, outLanes;

    // The parameters' gradients: sums of a chunk in float, of all chunks in double.
    private readonly float* rateSums, skipSums, biasSums;
    private readonly double* rateTotals, skipTotals, biasTotals;

    private ScanBackwardTask(ScanProblem scan, ScanGradients gradients, int batch, ChannelBlock block)
    {
        (this.scan, this.gradients, this.batch, this.block) = (scan, gradients, batch, block);
        var (parameter, chunk) = (scan.States * Width, ChunkLength * Width);
        rates = scratch.Floats(parameter);
        skip = scratch.Floats(Width);
        bias = scratch.Floats(Width);
        u = scratch.Floats(chunk);
        delta = scratch.Floats(chunk);
        dt = scratch.Floats(chunk);
        input = scratch.Floats(chunk);
        y = scratch.Floats(chunk);
        z = scratch.Floats(chunk);
        dy = scratch.Floats(chunk);
        du = scratch.Floats(chunk);
        states = scratch.Floats(chunk * scan.States + parameter);
        decays = scratch.Floats(chunk * scan.States);
        carry = scratch.Floats(parameter);
        inLanes = scratch.Floats(RoundedStates * 8);
        outLanes = scratch.Floats(RoundedStates * 8);
        rateSums = scratch.Floats(parameter);
        skipSums = scratch.Floats(Width);
        biasSums = scratch.Floats(Width);
        rateTotals = scratch.Doubles(parameter);
        skipTotals = scratch.Doubles(Width);
        biasTotals = scratch.Doubles(Width);
    }

    private int RoundedStates => (scan.States + 7) / 8 * 8;

    /// <summary>Computes all gradients.</summary>
    public static void RunAll(ScanProblem scan, ScanGradients gradients) =>
        CpuTasks.Run(scan.Batch * scan.Blocks, index =>
        {
            var block = new ChannelBlock(index % scan.Blocks, scan.Channels);
            using var task = new ScanBackwardTask(scan, gradients, index / scan.Blocks, block);
            task.Run();
        });

    /// <summary>Frees the task's memory.</summary>
    public void Dispose() => scratch.Dispose();

    private void Run()
    {
        scan.ReadParameters(block, rates, skip, bias);
        for (var segment = scan.Segments - 1; segment >= 0; segment--)
        {
            for (var chunk = scan.SegmentChunks - 1; chunk >= 0; chunk--)
            {
                Chunk(segment, chunk);
            }
        }
        LeaveParameterParts();
    }

    private void Chunk(int segment, int chunk)
    {
        var tokens = scan.TokensOf(chunk, out var count);
        ScanProblem.Gather(scan.U, batch, segment, block, tokens, count, u);
        ScanProblem.Gather(scan.Delta, batch, segment, block, tokens, count, delta);
        scan.TimeSteps(count, u, delta, bias, dt, input);
        new Span<float>(scan.StartOf(batch, block, segment, chunk), scan.States * Width).CopyTo(
            new Span<float>(states, scan.States * Width));
        if (scan.AreBounded(dt, count, rates))
        {
            StepsAgain<BoundedDecay>(segment, tokens, count);
        }
        else
        {
            StepsAgain<AnyDecay>(segment, tokens, count);
        }

        ScanProblem.Gather(gradients.Result, batch, segment, block, tokens, count, dy);
        if (scan.Z.Exist)
        {
            ScanProblem.Gather(scan.Z, batch, segment, block, tokens, count, z);
            Gate(count);
            LeaveGate(segment, tokens, count);
        }
        for (var t = count - 1; t >= 0; t--)
        {
            StepBack(t, scan.B.At(batch, segment, tokens[t]), scan.C.At(batch, segment, tokens[t]));
            LeaveWeights(segment, tokens[t]);
        }
        TimeStepsBack(count);
        ScanProblem.Scatter(du, gradients.U, batch, segment, block, tokens, count);
        ScanProblem.Scatter(delta, gradients.Delta, batch, segment, block, tokens, count);
        AddToTotals(rateSums, rateTotals, scan.States * Width);
        AddToTotals(skipSums, skipTotals, Width);
        AddToTotals(biasSums, biasTotals, Width);
    }

    private void StepsAgain<TDecay>(int segment, int* tokens, int count) where TDecay : struct, IDecay
    {
        for (var t = 0; t < count; t++)
        {
            StepAgain<TDecay>(t, scan.B.At(batch, segment, tokens[t]), scan.C.At(batch, segment, tokens[t]));
        }
    }

    // The forward step of one token, with all states and decays kept.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void StepAgain<TDecay>(int t, float* b, float* c) where TDecay : struct, IDecay
    {
        var (dt0, dt1) = (Vector256.Load(dt + t * Width), Vector256.Load(dt + t * Width + 8));
        var (in0, in1) = (Vector256.Load(input + t * Width), Vector256.Load(input + t * Width + 8));
        var (y0, y1) = (Vector256<float>.Zero, Vector256<float>.Zero);
        var count = scan.States;
        var rate = rates;
        var before = states + t * count * Width;
        var after = before + count * Width;
        var decay = decays + t * count * Width;
        for (var n = 0; n < count; n++, rate += Width, before += Width, after += Width, decay += Width)
        {
            var (weightIn, weightOut) = (Vector256.Create(b[n]), Vector256.Create(c[n]));
            var (e0, e1) = (TDecay.Of(dt0, Vector256.Load(rate)), TDecay.Of(dt1, Vector256.Load(rate + 8)));
            var h0 = VectorMath.Fma(e0, Vector256.Load(before), in0 * weightIn);
            var h1 = VectorMath.Fma(e1, Vector256.Load(before + 8), in1 * weightIn);
            Vector256.Store(e0, decay);
            Vector256.Store(e1, decay + 8);
            Vector256.Store(h0, after);
            Vector256.Store(h1, after + 8);
            y0 = VectorMath.Fma(h0, weightOut, y0);
            y1 = VectorMath.Fma(h1, weightOut, y1);
        }
        Vector256.Store(y0, y + t * Width);
        Vector256.Store(y1, y + t * Width + 8);
    }

    // Through the gate: result = (y + skip·u)·z·σ(z). dy turns from the result's gradient into y's, z into its gradient.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Gate(int count)
    {
        for (var i = 0; i < count * Width; i += 8)
        {
            var (gate, gradient) = (Vector256.Load(z + i), Vector256.Load(dy + i));
            var skipped = VectorMath.Fma(Vector256.Load(u + i), Vector256.Load(skip + i % Width), Vector256.Load(y + i));
            var sigmoid = VectorMath.Sigmoid(gate);
            var slope = sigmoid * VectorMath.Fma(gate, Vector256<float>.One - sigmoid, Vector256<float>.One);
            Vector256.Store(gradient * skipped * slope, z + i);
            Vector256.Store(gradient * gate * sigmoid, dy + i);
        }
    }

    // z is the same for all segments: the last one, which comes first here, writes, the others add.
    private void LeaveGate(int segment, int* tokens, int count)
    {
        for (var t = 0; t < count; t++)
        {
            var row = gradients.Z.At(batch, segment, tokens[t]);
            if (segment == scan.Segments - 1)
            {
                block.Write(z + t * Width, row);
            }
            else
            {
                block.Add(z + t * Width, row);
            }
        }
    }

    // One token back: dh = dy·c + what the next token left; from it the gradients of c, b, dt·u, dt and a, and what is left
    // to the token before. The gradient of dt (over ln 2, because rates carry log₂ e) is put in y's place, of dt·u in du's.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void StepBack(int t, float* b, float* c)
    {
        var (at, count) = (t * Width, scan.States);
        var (dt0, dt1) = (Vector256.Load(dt + at), Vector256.Load(dt + at + 8));
        var (in0, in1) = (Vector256.Load(input + at), Vector256.Load(input + at + 8));
        var (dy0, dy1) = (Vector256.Load(dy + at), Vector256.Load(dy + at + 8));
        var (dIn0, dIn1) = (Vector256<float>.Zero, Vector256<float>.Zero);
        var (dDt0, dDt1) = (Vector256<float>.Zero, Vector256<float>.Zero);
        float* rate = rates, rateSum = rateSums, left = carry;
        var before = states + t * count * Width;
        var after = before + count * Width;
        var decay = decays + t * count * Width;
        for (var n = 0; n < count; n++, rate += Width, rateSum += Width, left += Width, before += Width, after += Width, decay += Width)
        {
            var (weightIn, weightOut) = (Vector256.Create(b[n]), Vector256.Create(c[n]));
            var dh0 = VectorMath.Fma(dy0, weightOut, Vector256.Load(left));
            var dh1 = VectorMath.Fma(dy1, weightOut, Vector256.Load(left + 8));
            Vector256.Store(VectorMath.Fma(dy0, Vector256.Load(after), dy1 * Vector256.Load(after + 8)), outLanes + n * 8);
            Vector256.Store(VectorMath.Fma(dh0, in0, dh1 * in1), inLanes + n * 8);
            dIn0 = VectorMath.Fma(dh0, weightIn, dIn0);
            dIn1 = VectorMath.Fma(dh1, weightIn, dIn1);
            var (back0, back1) = (dh0 * Vector256.Load(decay), dh1 * Vector256.Load(decay + 8));
            Vector256.Store(back0, left);
            Vector256.Store(back1, left + 8);
            var (turn0, turn1) = (back0 * Vector256.Load(before), back1 * Vector256.Load(before + 8));
            dDt0 = VectorMath.Fma(turn0, Vector256.Load(rate), dDt0);
            dDt1 = VectorMath.Fma(turn1, Vector256.Load(rate + 8), dDt1);
            Vector256.Store(VectorMath.Fma(turn0, dt0, Vector256.Load(rateSum)), rateSum);
            Vector256.Store(VectorMath.Fma(turn1, dt1, Vector256.Load(rateSum + 8)), rateSum + 8);
        }
        Vector256.Store(dDt0, y + at);
        Vector256.Store(dDt1, y + at + 8);
        Vector256.Store(dIn0, du + at);
        Vector256.Store(dIn1, du + at + 8);
    }

    // A token's gradients of b and c, summed over this block's channels.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void LeaveWeights(int segment, int token)
    {
        var row = (((long)block.Index * scan.Batch + batch) * scan.Segments + segment) * scan.Length + token;
        float* b = gradients.BParts + row * scan.States, c = gradients.CParts + row * scan.States;
        for (var n = 0; n < scan.States; n += 8)
        {
            var (sumsIn, sumsOut) = (VectorMath.SumsOfEight(inLanes + n * 8), VectorMath.SumsOfEight(outLanes + n * 8));
            if (n + 8 <= scan.States)
            {
                Vector256.Store(sumsIn, b + n);
                Vector256.Store(sumsOut, c + n);
                continue;
            }
            for (var k = n; k < scan.States; k++)
            {
                b[k] = sumsIn[k - n];
                c[k] = sumsOut[k - n];
            }
        }
    }

    // From the gradients of dt and dt·u to those of delta, u, skip weights and bias.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void TimeStepsBack(int count)
    {
        for (var i = 0; i < count * Width; i += 8)
        {
            var lane = i % Width;
            var (dIn, gradient, value) = (Vector256.Load(du + i), Vector256.Load(dy + i), Vector256.Load(u + i));
            var dDelta = VectorMath.Fma(dIn, value, Vector256.Load(y + i) * Vector256.Create(VectorMath.Ln2));
            if (scan.Softplus)
            {
                dDelta *= VectorMath.Sigmoid(Vector256.Load(delta + i) + Vector256.Load(bias + lane));
            }
            Vector256.Store(dDelta, delta + i);
            Vector256.Store(VectorMath.Fma(dIn, Vector256.Load(dt + i), gradient * Vector256.Load(skip + lane)), du + i);
            Vector256.Store(VectorMath.Fma(gradient, value, Vector256.Load(skipSums + lane)), skipSums + lane);
            Vector256.Store(dDelta + Vector256.Load(biasSums + lane), biasSums + lane);
        }
    }

    private static void AddToTotals(float* sums, double* totals, int count)
    {
        for (var i = 0; i < count; i++)
        {
            totals[i] += sums[i];
            sums[i] = 0f;
        }
    }

    private void LeaveParameterParts()
    {
        for (var i = 0; i < block.Used; i++)
        {
            var channel = (long)batch * scan.Channels + block.First + i;
            for (var n = 0; n < scan.States; n++)
            {
                gradients.AParts[channel * scan.States + n] = rateTotals[n * Width + i];
            }
            gradients.SkipParts[channel] = skipTotals[i];
            gradients.BiasParts[channel] = biasTotals[i];
        }
    }
}
