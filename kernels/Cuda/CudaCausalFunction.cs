using static TorchSharp.torch;

namespace MedSegDsl.Kernels.Cuda;

/// <summary>The causal convolution of tensors on a GPU, with its own backward pass.</summary>
internal sealed class CudaCausalFunction : autograd.SingleTensorFunction<CudaCausalFunction>
{
    private const string Path = "path";

    /// <inheritdoc/>
    public override string Name => nameof(CausalConv1d);

    /// <summary>The convolution: arguments as <see cref="CausalConv1d.Apply"/> has them. The weight is taken to x's type.</summary>
    public static Tensor Convolve(Tensor x, Tensor weight, Tensor? bias, ScanPath path)
    {
        using var scope = NewDisposeScope();
        var kernels = weight.In(x.dtype);
        var y = CustomBackward.IsNeeded(x, kernels, bias) ? apply(x, kernels, bias!, path) : Forward(x, kernels, bias, path);
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
            var (x, weight, bias) = (saved[0], saved[1], saved[2]);
            var convolution = new CudaCausal(x.shape, weight.contiguous(), (ScanPath)ctx.get_data(Path));
            var gradient = RowsArgument.Readable(grad_output);
            var dx = x.requires_grad ? convolution.InputGradient(gradient) : null;
            var (dWeight, dBias) = convolution.WeightGradients(RowsArgument.Readable(x), gradient);
            return [dx, dWeight.In(weight.dtype), bias is null ? null : dBias.In(bias.dtype), null];
        });

    private static Tensor Forward(Tensor x, Tensor weight, Tensor? bias, ScanPath path)
    {
        using var scope = NewDisposeScope();
        return new CudaCausal(x.shape, weight.contiguous(), path)
            .Forward(RowsArgument.Readable(x), ElementTypes.Parameter(bias))
            .MoveToOuterDisposeScope();
    }
}
