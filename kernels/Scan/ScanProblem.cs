using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace MedSegDsl.Kernels;

/// <summary>
/// One selective scan of float32 tensors on the CPU: sizes and memory. It is worked on in tasks of one batch entry and one
/// block of channels: the channels are the vectors' lanes, the states the inner loop. Tokens are walked in chunks small
/// enough for the first caches; the state at each chunk's start is kept for the backward pass, which computes the others again.
/// </summary>
internal sealed unsafe class ScanProblem
{
    /// <summary>Tokens of a chunk.</summary>
    public const int ChunkLength = 64;

    private const int Width = ChannelBlock.Width;

    /// <summary>Batch entries, segments, tokens of a segment, channels, states.</summary>
    public required int Batch, Segments, Length, Channels, States;

    /// <summary>Whether the time step is the softplus of its input.</summary>
    public required bool Softplus;

    /// <summary>The tokens of a segment in visiting order.</summary>
    public required int* Order;

    /// <summary>The inputs' rows; none for z where there is no gate.</summary>
    public required Rows U, Delta, B, C, Z;

    /// <summary>Decay rates (D, N), skip weights (D) or null, time-step bias (D) or null.</summary>
    public required float* A, Skip, Bias;

    /// <summary>The states at the chunks' starts, (B, blocks, chunks, N, 16); null where they are not kept.</summary>
    public required float* Starts;

    /// <summary>The number of channel blocks.</summary>
    public int Blocks => ChannelBlock.Count(Channels);

    /// <summary>The chunks of a segment.</summary>
    public int SegmentChunks => ChunkCount(Length);

    /// <summary>The chunks of so many tokens.</summary>
    public static int ChunkCount(int length) => (length + ChunkLength - 1) / ChunkLength;

    /// <summary>The number of floats that the states at the chunks' starts take.</summary>
    public static long StartsSize(long batch, long segments, int length, int channels, long states) =>
        batch * ChannelBlock.Count(channels) * segments * ChunkCount(length) * states * Width;

    /// <summary>The kept state at a chunk's start, (N, 16).</summary>
    public float* StartOf(int batch, ChannelBlock block, int segment, int chunk) =>
        Starts + (((long)batch * Blocks + block.Index) * Segments * SegmentChunks + segment * SegmentChunks + chunk) * States * Width;

    /// <summary>The tokens of a chunk, and how many there are.</summary>
    public int* TokensOf(int chunk, out int count)
    {
        count = Math.Min(ChunkLength, Length - chunk * ChunkLength);
        return Order + chunk * ChunkLength;
    }

    /// <summary>Reads a block's parameters: rates times log₂ e as (N, 16), skip weights and bias, zeros where there are none.</summary>
    public void ReadParameters(ChannelBlock block, float* rates, float* skip, float* bias)
    {
        for (var i = 0; i < block.Used; i++)
        {
            for (var n = 0; n < States; n++)
            {
                rates[n * Width + i] = A[(block.First + i) * States + n] * VectorMath.Log2E;
            }
            skip[i] = Skip == null ? 0f : Skip[block.First + i];
            bias[i] = Bias == null ? 0f : Bias[block.First + i];
        }
    }

    /// <summary>Copies the rows of a chunk's tokens into (tokens, 16).</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Gather(Rows rows, int batch, int segment, ChannelBlock block, int* tokens, int count, float* to)
    {
        for (var t = 0; t < count; t++)
        {
            block.Read(rows.At(batch, segment, tokens[t]), to + t * Width);
        }
    }

    /// <summary>Copies (tokens, 16) to the rows of a chunk's tokens.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Scatter(float* from, Rows rows, int batch, int segment, ChannelBlock block, int* tokens, int count)
    {
        for (var t = 0; t < count; t++)
        {
            block.Write(from + t * Width, rows.At(batch, segment, tokens[t]));
        }
    }

    /// <summary>A chunk's time steps dt and inputs dt·u from its u and delta. dt may stand in delta's place.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void TimeSteps(int count, float* u, float* delta, float* bias, float* dt, float* input)
    {
        var (bias0, bias1) = (Vector256.Load(bias), Vector256.Load(bias + 8));
        for (var i = 0; i < count * Width; i += Width)
        {
            var (step0, step1) = (Vector256.Load(delta + i) + bias0, Vector256.Load(delta + i + 8) + bias1);
            if (Softplus)
            {
                (step0, step1) = (VectorMath.Softplus(step0), VectorMath.Softplus(step1));
            }
            Vector256.Store(step0, dt + i);
            Vector256.Store(step1, dt + i + 8);
            Vector256.Store(step0 * Vector256.Load(u + i), input + i);
            Vector256.Store(step1 * Vector256.Load(u + i + 8), input + i + 8);
        }
    }

    /// <summary>Whether no |dt·rate| of a chunk is above <see cref="BoundedDecay.Limit"/>: dt as (tokens, 16), rates as (N, 16).</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public bool AreBounded(float* dt, int count, float* rates) =>
        Largest(dt, count * Width) * Largest(rates, States * Width) <= BoundedDecay.Limit;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static float Largest(float* values, int count)
    {
        var largest = Vector256<float>.Zero;
        for (var i = 0; i < count; i += 8)
        {
            largest = Vector256.Max(largest, Vector256.Abs(Vector256.Load(values + i)));
        }
        var result = 0f;
        for (var lane = 0; lane < 8; lane++)
        {
            result = MathF.Max(result, largest.GetElement(lane));
        }
        return result;
    }
}
