using static TorchSharp.torch;

namespace MedSegDsl.Kernels.Cuda;

/// <summary>The operator <see cref="ChannelsFirst"/> of tensors on a GPU, with its own backward pass.</summary>
internal sealed class CudaChannelsFirstFunction : autograd.SingleTensorFunction<CudaChannelsFirstFunction>
{
    private const string Type = "type";

    /// <inheritdoc/>
    public override string Name => nameof(ChannelsFirst);

    /// <summary>The copy: arguments as <see cref="ChannelsFirst.Apply"/> has them.</summary>
    public static Tensor Copy(Tensor volume)
    {
        using var scope = NewDisposeScope();
        var tokens = volume.permute(0, 2, 3, 4, 1).contiguous();
        var y = CustomBackward.IsNeeded(tokens) ? apply(tokens) : CudaLayout.ChannelsFirst(tokens);
        return y.MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public override Tensor forward(autograd.AutogradContext ctx, params object[] vars)
    {
        var tokens = (Tensor)vars[0];
        ctx.set_materialize_grads(false);
        ctx.save_data(Type, tokens.dtype);
        return CudaLayout.ChannelsFirst(tokens);
    }

    /// <inheritdoc/>
    public override List<Tensor> backward(autograd.AutogradContext ctx, Tensor grad_output) =>
        CustomBackward.Run(grad_output, () => [CudaLayout.ChannelsLast(grad_output.contiguous(), (ScalarType)ctx.get_data(Type))]);
}
