using static TorchSharp.torch;

namespace MedSegDsl.Kernels;

/// <summary>A convolution along a path with its own backward pass: what the causal and the depthwise one, on the CPU and on a
/// GPU, have in common.</summary>
/// <typeparam name="T">The convolution itself.</typeparam>
internal abstract class PathConvolution<T> : autograd.SingleTensorFunction<T>
    where T : PathConvolution<T>, new()
{
    private const string Path = "path";
    private static readonly T Operator = new();

    /// <summary>Convolves: arguments as the public operator has them.</summary>
    public static Tensor Convolve(Tensor x, Tensor weight, Tensor? bias, ScanPath path)
    {
        using var scope = NewDisposeScope();
        var kernels = Operator.Prepared(weight, x.dtype);
        var y = CustomBackward.IsNeeded(x, kernels, bias) ? apply(x, CustomBackward.Viewed(kernels)!, CustomBackward.Viewed(bias)!, path) : Operator.Forward(x, kernels, bias, path);
        return y.MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public sealed override Tensor forward(autograd.AutogradContext ctx, params object[] vars)
    {
        var (x, weight, bias, path) = ((Tensor)vars[0], (Tensor)vars[1], vars[2] as Tensor, (ScanPath)vars[3]);
        ctx.set_materialize_grads(false);
        ctx.save_for_backward([x, weight, bias!]);
        ctx.save_data(Path, path);
        return Forward(x, weight, bias, path);
    }

    /// <inheritdoc/>
    public sealed override List<Tensor> backward(autograd.AutogradContext ctx, Tensor grad_output) =>
        CustomBackward.Run(grad_output, () =>
        {
            var saved = ctx.get_saved_variables();
            var (dx, dWeight, dBias) = Backward(saved[0], saved[1], saved[2], (ScanPath)ctx.get_data(Path), grad_output);
            return [dx, dWeight, dBias, null];
        });

    /// <summary>The weight in the type in which it is read, for an x of this type. Its gradient is taken back from there.</summary>
    protected virtual Tensor Prepared(Tensor weight, ScalarType type) => weight;

    /// <summary>The result, of x's shape.</summary>
    protected abstract Tensor Forward(Tensor x, Tensor weight, Tensor? bias, ScanPath path);

    /// <summary>The gradients, null where none is needed.</summary>
    protected abstract (Tensor? X, Tensor Weight, Tensor? Bias) Backward(Tensor x, Tensor weight, Tensor? bias, ScanPath path, Tensor gradient);
}
