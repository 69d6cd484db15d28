using static TorchSharp.torch;

namespace MedSegDsl.Kernels;

/// <summary>
/// Says when the backward pass comes by a place of the forward pass. libtorch runs, of all operations whose results'
/// gradients are there, the one that was recorded last, and adds to a parameter's gradient before anything else: once the
/// mark is reached, every parameter that was first used after it has its whole gradient. (TorchSharp has no hooks on tensors.)
/// </summary>
public sealed class GradientMark : autograd.SingleTensorFunction<GradientMark>
{
    /// <inheritdoc/>
    public override string Name => nameof(GradientMark);

    /// <summary>The tensor itself, with a mark in its history.</summary>
    /// <param name="tensor">A tensor that needs a gradient.</param>
    /// <param name="reached">Called on the thread of the backward pass; must not throw.</param>
    public static Tensor On(Tensor tensor, Action reached) => apply(tensor, reached);

    /// <inheritdoc/>
    public override Tensor forward(autograd.AutogradContext ctx, params object[] vars)
    {
        ctx.set_materialize_grads(false);
        ctx.save_data(nameof(GradientMark), vars[1]);
        return ((Tensor)vars[0]).detach();
    }

    /// <inheritdoc/>
    public override List<Tensor> backward(autograd.AutogradContext ctx, Tensor grad_output) =>
        CustomBackward.Run(grad_output, () =>
        {
            ((Action)ctx.get_data(nameof(GradientMark)))();
            return [grad_output.alias(), null];
        });
}
