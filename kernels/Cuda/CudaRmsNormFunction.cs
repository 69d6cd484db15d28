using static TorchSharp.torch;

namespace MedSegDsl.Kernels.Cuda;

/// <summary>Root-mean-square normalisation of tensors on a GPU, with its own backward pass.</summary>
internal sealed class CudaRmsNormFunction : autograd.SingleTensorFunction<CudaRmsNormFunction>
{
    /// <inheritdoc/>
    public override string Name => nameof(RmsNormalization);

    /// <summary>The normalisation: arguments as <see cref="RmsNormalization.Apply"/> has them.</summary>
    public static Tensor Normalize(Tensor x, Tensor weight, double epsilon)
    {
        using var scope = NewDisposeScope();
        var y = CustomBackward.IsNeeded(x, weight)
            ? apply(x, CustomBackward.Viewed(weight)!, epsilon)
            : CudaRmsNorm.Forward(x.contiguous(), weight.contiguous(), epsilon).Y;
        return y.MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public override Tensor forward(autograd.AutogradContext ctx, params object[] vars)
    {
        using var scope = NewDisposeScope();
        var (x, weight, epsilon) = ((Tensor)vars[0], (Tensor)vars[1], (double)vars[2]);
        var (y, inverse) = CudaRmsNorm.Forward(x.contiguous(), weight.contiguous(), epsilon);
        ctx.set_materialize_grads(false);
        // TorchSharp takes hold of saved tensors only when this method has returned.
        ctx.save_for_backward([x, weight, inverse.MoveToOuterDisposeScope()]);
        return y.MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public override List<Tensor> backward(autograd.AutogradContext ctx, Tensor grad_output) =>
        CustomBackward.Run(grad_output, () =>
        {
            var saved = ctx.get_saved_variables();
            var (dx, dWeight) = CudaRmsNorm.Backward(saved[0].contiguous(), saved[1].contiguous(), saved[2], grad_output.contiguous());
            return [dx, dWeight, null];
        });
}
