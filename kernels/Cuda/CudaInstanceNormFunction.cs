using static TorchSharp.torch;

namespace MedSegDsl.Kernels.Cuda;

/// <summary>The operator <see cref="InstanceNormalization"/> of tensors on a GPU, with its own backward pass.</summary>
internal sealed class CudaInstanceNormFunction : autograd.SingleTensorFunction<CudaInstanceNormFunction>
{
    private const string Epsilon = "epsilon", Slope = "slope";

    /// <inheritdoc/>
    public override string Name => nameof(InstanceNormalization);

    /// <summary>The normalisation: arguments as <see cref="InstanceNormalization.Apply"/> has them.</summary>
    public static Tensor Normalize(
        Tensor volume, Tensor? weight, Tensor? bias, Tensor? added, Tensor? cancelled, double epsilon, double slope)
    {
        using var scope = NewDisposeScope();
        var y = CustomBackward.IsNeeded(volume, weight, bias, added, cancelled)
            ? apply(
                volume, CustomBackward.Viewed(weight)!, CustomBackward.Viewed(bias)!, added!, CustomBackward.Viewed(cancelled)!, epsilon, slope)
            : new CudaInstanceNorm(volume, weight, bias, added, epsilon, slope).Forward().Y;
        return y.MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public override Tensor forward(autograd.AutogradContext ctx, params object[] vars)
    {
        using var scope = NewDisposeScope();
        var tensors = vars[..5].Select(argument => argument as Tensor).ToArray();
        var (epsilon, slope) = ((double)vars[5], (double)vars[6]);
        var (y, statistics) = new CudaInstanceNorm(tensors[0]!, tensors[1], tensors[2], tensors[3], epsilon, slope).Forward();
        ctx.set_materialize_grads(false);
        // TorchSharp takes hold of saved tensors only when this method has returned.
        ctx.save_for_backward([.. tensors!, statistics.MoveToOuterDisposeScope()]);
        ctx.save_data(Epsilon, epsilon);
        ctx.save_data(Slope, slope);
        return y.MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public override List<Tensor> backward(autograd.AutogradContext ctx, Tensor grad_output) =>
        CustomBackward.Run(grad_output, () =>
        {
            var saved = ctx.get_saved_variables();
            var (weight, bias, cancelled) = (saved[1], saved[2], saved[4]);
            var gradients = new CudaInstanceNorm(
                    saved[0], weight, bias, saved[3], (double)ctx.get_data(Epsilon), (double)ctx.get_data(Slope))
                .Backward(saved[5], grad_output);
            return
            [
                gradients.Volume,
                weight is null ? null : gradients.Weight.In(weight.dtype),
                bias is null ? null : gradients.Bias.In(bias.dtype),
                gradients.Added,
                cancelled is null ? null : zeros_like(cancelled),
                null,
                null,
            ];
        });
}
