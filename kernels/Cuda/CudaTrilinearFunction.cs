using static TorchSharp.torch;

namespace MedSegDsl.Kernels.Cuda;

/// <summary>Trilinear interpolation of tensors on a GPU, with its own backward pass.</summary>
internal sealed class CudaTrilinearFunction : autograd.SingleTensorFunction<CudaTrilinearFunction>
{
    private const string Size = "size";

    /// <inheritdoc/>
    public override string Name => nameof(TrilinearResizing);

    /// <summary>The interpolation: arguments as <see cref="TrilinearResizing.Apply"/> has them.</summary>
    public static Tensor Resize(Tensor volume, long[] size)
    {
        using var scope = NewDisposeScope();
        var tokens = volume.permute(0, 2, 3, 4, 1).contiguous();
        var y = CustomBackward.IsNeeded(tokens) ? apply(tokens, size) : CudaTrilinear.Forward(tokens, size);
        return y.permute(0, 4, 1, 2, 3).MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public override Tensor forward(autograd.AutogradContext ctx, params object[] vars)
    {
        var (tokens, size) = ((Tensor)vars[0], (long[])vars[1]);
        ctx.set_materialize_grads(false);
        ctx.save_data(Size, tokens.shape[1..4]);
        return CudaTrilinear.Forward(tokens, size);
    }

    /// <inheritdoc/>
    public override List<Tensor> backward(autograd.AutogradContext ctx, Tensor grad_output) =>
        CustomBackward.Run(grad_output, () => [CudaTrilinear.Backward(grad_output.contiguous(), (long[])ctx.get_data(Size)), null]);
}
