using static TorchSharp.torch;

namespace MedSegDsl.Kernels;

/// <summary>The causal convolution of float32 tensors on the CPU, with its own backward pass.</summary>
internal sealed unsafe class CausalFunction : PathConvolution<CausalFunction>
{
    /// <inheritdoc/>
    public override string Name => nameof(CausalConv1d);

    /// <inheritdoc/>
    protected override Tensor Forward(Tensor x, Tensor weight, Tensor? bias, ScanPath path)
    {
        using var scope = NewDisposeScope();
        var (input, kernels, offset) = (Rows.Readable(x), TapsFirst(weight), bias?.contiguous());
        var y = empty(x.shape);
        fixed (int* order = path.WithoutShuffle().Order)
        {
            Tasks(x, kernels, order).Convolve(Rows.OfTokens(input), offset is null ? null : Rows.Data(offset), -1, Rows.OfTokens(y));
        }
        GC.KeepAlive((input, kernels, offset));
        return y.MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    protected override (Tensor? X, Tensor Weight, Tensor? Bias) Backward(Tensor x, Tensor weight, Tensor? bias, ScanPath path, Tensor gradient)
    {
        var (input, kernels, rows) = (Rows.Readable(x), TapsFirst(weight), Rows.Readable(gradient));
        var dx = empty(x.shape);
        var parts = x.shape[0] * CausalTasks.StretchCount(path.Length);
        var (dWeight, dBias) = (zeros([parts, .. kernels.shape]), zeros([parts, x.shape[2]]));
        fixed (int* order = path.WithoutShuffle().Order)
        {
            var tasks = Tasks(x, kernels, order);
            tasks.Convolve(Rows.OfTokens(rows), null, 1, Rows.OfTokens(dx));
            tasks.WeightGradients(Rows.OfTokens(input), Rows.OfTokens(rows), Rows.Data(dWeight), Rows.Data(dBias));
        }
        GC.KeepAlive((input, kernels, rows));
        return (dx, dWeight.sum([0L]).transpose(0, 1).reshape(weight.shape), bias is null ? null : dBias.sum([0L]));
    }

    // (C, 1, k) to (k, C).
    private static Tensor TapsFirst(Tensor weight) => weight.squeeze(1).transpose(0, 1).contiguous();

    private static CausalTasks Tasks(Tensor x, Tensor kernels, int* order) =>
        new()
        {
            Batch = (int)x.shape[0],
            Length = (int)x.shape[1],
            Channels = (int)x.shape[2],
            Kernel = (int)kernels.shape[0],
            Order = order,
            Weights = Rows.Data(kernels),
        };
}
