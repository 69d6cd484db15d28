using static TorchSharp.torch;

namespace MedSegDsl.Kernels;

/// <summary>The causal convolution of float32 tensors on the CPU, with its own backward pass.</summary>
internal sealed unsafe class CausalFunction : autograd.SingleTensorFunction<CausalFunction>
{
    private const string Path = "path";

    /// <inheritdoc/>
    public override string Name => nameof(CausalConv1d);

    /// <summary>The convolution: arguments as <see cref="CausalConv1d.Apply"/> has them.</summary>
    public static Tensor Convolve(Tensor x, Tensor weight, Tensor? bias, ScanPath path)
    {
        using var scope = NewDisposeScope();
        var y = CustomBackward.IsNeeded(x, weight, bias) ? apply(x, weight, bias!, path) : Forward(x, weight, bias, path);
        return y.MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public override Tensor forward(autograd.AutogradContext ctx, params object[] vars)
    {
        var (x, weight, bias, path) = ((Tensor)vars[0], (Tensor)vars[1], vars[2] as Tensor, (ScanPath)vars[3]);
        ctx.set_materialize_grads(false);
        ctx.save_for_backward([x, weight, bias!]);
        ctx.save_data(Path, path);
        return Forward(x, weight, bias, path);
    }

    /// <inheritdoc/>
    public override List<Tensor> backward(autograd.AutogradContext ctx, Tensor grad_output) =>
        CustomBackward.Run(grad_output, () =>
        {
            var saved = ctx.get_saved_variables();
            return Backward(saved[0], saved[1], saved[2], (ScanPath)ctx.get_data(Path), Rows.Readable(grad_output));
        });

    private static Tensor Forward(Tensor x, Tensor weight, Tensor? bias, ScanPath path)
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

    private static List<Tensor?> Backward(Tensor x, Tensor weight, Tensor? bias, ScanPath path, Tensor gradient)
    {
        var (input, kernels) = (Rows.Readable(x), TapsFirst(weight));
        var dx = empty(x.shape);
        var parts = x.shape[0] * CausalTasks.StretchCount(path.Length);
        var (dWeight, dBias) = (zeros([parts, .. kernels.shape]), zeros([parts, x.shape[2]]));
        fixed (int* order = path.WithoutShuffle().Order)
        {
            var tasks = Tasks(x, kernels, order);
            tasks.Convolve(Rows.OfTokens(gradient), null, 1, Rows.OfTokens(dx));
            tasks.WeightGradients(Rows.OfTokens(input), Rows.OfTokens(gradient), Rows.Data(dWeight), Rows.Data(dBias));
        }
        GC.KeepAlive((input, kernels));
        return [dx, dWeight.sum([0L]).transpose(0, 1).reshape(weight.shape), bias is null ? null : dBias.sum([0L]), null];
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
