using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace MedSegDsl.Kernels;

/// <summary>
/// The causal convolution of float32 tensors on the CPU, along the tokens in a path's order. A task is a batch entry and a
/// stretch of the sequence; all channels of a token are worked on together.
/// </summary>
internal sealed unsafe class CausalTasks
{
    // Tokens of a task: the sums over tasks come out the same whatever the number of threads.
    private const int Stretch = 4096;

    /// <summary>Batch entries, tokens, channels, the kernel's size.</summary>
    public required int Batch, Length, Channels, Kernel;

    /// <summary>The tokens in visiting order.</summary>
    public required int* Order;

    /// <summary>The kernel's weights, each as a row of all channels: (k, C).</summary>
    public required float* Weights;

    /// <summary>Stretches of a sequence.</summary>
    public int Stretches => StretchCount(Length);

    /// <summary>The stretches of a sequence of so many tokens.</summary>
    public static int StretchCount(int length) => (length + Stretch - 1) / Stretch;

    /// <summary>
    /// Convolves: each token's result is the bias plus its own input times the last weight, its predecessor's times the one
    /// before, and so on. Backwards, over the successors, it gives the input's gradient from the result's.
    /// </summary>
    /// <param name="x">The input, rows (B, L, C).</param>
    /// <param name="bias">The bias (C), or null for none.</param>
    /// <param name="direction">−1 to read predecessors, 1 to read successors.</param>
    /// <param name="y">Where the result goes, rows (B, L, C).</param>
    public void Convolve(Rows x, float* bias, int direction, Rows y) =>
        CpuTasks.Run(Batch * Stretches, index =>
        {
            var batch = index / Stretches;
            for (var i = First(index); i < End(index); i++)
            {
                var to = y.At(batch, 0, Order[i]);
                var taps = Math.Min(Kernel, direction < 0 ? i + 1 : Length - i);
                if (bias == null)
                {
                    new Span<float>(to, Channels).Clear();
                }
                else
                {
                    new Span<float>(bias, Channels).CopyTo(new Span<float>(to, Channels));
                }
                for (var tap = 0; tap < taps; tap++)
                {
                    AddProduct(x.At(batch, 0, Order[i + direction * tap]), Weights + (long)(Kernel - 1 - tap) * Channels, to, Channels);
                }
            }
        });

    /// <summary>Computes the gradients of weights and bias, a part for each batch entry and stretch.</summary>
    /// <param name="x">The input.</param>
    /// <param name="gradient">The result's gradient.</param>
    /// <param name="weightParts">Where the weights' parts go, (B · stretches, k, C), zeros.</param>
    /// <param name="biasParts">Where the bias's parts go, (B · stretches, C), zeros.</param>
    public void WeightGradients(Rows x, Rows gradient, float* weightParts, float* biasParts) =>
        CpuTasks.Run(Batch * Stretches, index =>
        {
            var batch = index / Stretches;
            var (weights, bias) = (index * (long)Kernel * Channels, index * (long)Channels);
            for (var i = First(index); i < End(index); i++)
            {
                var from = gradient.At(batch, 0, Order[i]);
                Add(from, biasParts + bias, Channels);
                for (var tap = 0; tap < Math.Min(Kernel, i + 1); tap++)
                {
                    AddProduct(from, x.At(batch, 0, Order[i - tap]), weightParts + weights + (long)(Kernel - 1 - tap) * Channels, Channels);
                }
            }
        });

    private int First(int index) => index % Stretches * Stretch;

    private int End(int index) => Math.Min(Length, First(index) + Stretch);

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void AddProduct(float* a, float* b, float* sum, int count)
    {
        var i = 0;
        for (; i + 8 <= count; i += 8)
        {
            Vector256.Store(VectorMath.Fma(Vector256.Load(a + i), Vector256.Load(b + i), Vector256.Load(sum + i)), sum + i);
        }
        for (; i < count; i++)
        {
            sum[i] += a[i] * b[i];
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Add(float* a, float* sum, int count)
    {
        var i = 0;
        for (; i + 8 <= count; i += 8)
        {
            Vector256.Store(Vector256.Load(a + i) + Vector256.Load(sum + i), sum + i);
        }
        for (; i < count; i++)
        {
            sum[i] += a[i];
        }
    }
}
