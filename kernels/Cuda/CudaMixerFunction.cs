using static TorchSharp.torch;

namespace MedSegDsl.Kernels.Cuda;

/// <summary>The operator <see cref="MixerScan"/> of tensors on a GPU, with its own backward pass.</summary>
internal sealed class CudaMixerFunction : autograd.SingleTensorFunction<CudaMixerFunction>
{
    private const string Layout = "layout";

    // Tensors of the state-space model and the one in front of them, then kernels and biases of each order and scale.
    private const int First = 6;

    private sealed record Description(IReadOnlyList<ScanPath> Paths, int Scales, double Scale);

    /// <inheritdoc/>
    public override string Name => nameof(MixerScan);

    /// <summary>The operator: arguments as <see cref="MixerScan.Apply"/> has them.</summary>
    public static Tensor Mix(Tensor projected, IReadOnlyList<MixerOrder> orders, MixerStateSpace space, double scale)
    {
        using var scope = NewDisposeScope();
        Tensor[] tensors =
        [
            projected, space.Projection, space.TimeStep, space.TimeStepBias, space.A, space.Skip,
            .. orders.SelectMany(order => order.Weights.Concat(order.Biases)),
        ];
        var description = new Description([.. orders.Select(order => order.Path)], orders[0].Weights.Count, scale);
        var y = CustomBackward.IsNeeded(tensors)
            ? apply([.. tensors.Select(CustomBackward.Viewed)!, description])
            : Mixer(tensors, description).Forward(keep: false).Result;
        return y.MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public override Tensor forward(autograd.AutogradContext ctx, params object[] vars)
    {
        using var scope = NewDisposeScope();
        var tensors = vars[..^1].Cast<Tensor>().ToArray();
        var description = (Description)vars[^1];
        var (result, kept) = Mixer(tensors, description).Forward(keep: true);
        ctx.set_materialize_grads(false);
        // TorchSharp takes hold of saved tensors only when this method has returned.
        Tensor?[] own = [kept.Convolved, kept.Projection, kept.States, kept.Elapsed];
        ctx.save_for_backward([.. tensors, .. own.Select(tensor => tensor?.MoveToOuterDisposeScope()!)]);
        ctx.save_data(Layout, description);
        return result.MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public override List<Tensor> backward(autograd.AutogradContext ctx, Tensor grad_output) =>
        CustomBackward.Run(grad_output, () =>
        {
            var saved = ctx.get_saved_variables();
            var description = (Description)ctx.get_data(Layout);
            var tensors = saved.Take(saved.Count - 4).ToArray();
            var kept = new CudaMixer.Kept(saved[^4], saved[^3], saved[^2], saved[^1]);
            var gradients = Mixer(tensors, description).Backward(grad_output, kept);
            return
            [
                gradients.Projected, gradients.Projection, gradients.TimeStep, gradients.TimeStepBias, gradients.A, gradients.Skip,
                .. description.Paths.SelectMany((_, order) =>
                    gradients.Scales.Select(scale => scale.Weights[order]).Concat(gradients.Scales.Select(scale => scale.Biases[order]))),
                null,
            ];
        });

    private static CudaMixer Mixer(IReadOnlyList<Tensor> tensors, Description description)
    {
        var exact = tensors.Skip(1).Select(tensor => ElementTypes.Parameter(tensor)!).ToArray();
        var orders = description.Paths.Select((path, order) =>
        {
            var at = First - 1 + 2 * description.Scales * order;
            return new MixerOrder(path, exact[at..(at + description.Scales)], exact[(at + description.Scales)..(at + 2 * description.Scales)]);
        });
        return new CudaMixer(
            tensors[0].contiguous(), [.. orders], new MixerStateSpace(exact[0], exact[1], exact[2], exact[3], exact[4]), description.Scale);
    }
}
