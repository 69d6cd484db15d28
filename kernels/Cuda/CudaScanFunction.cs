using static TorchSharp.torch;

namespace MedSegDsl.Kernels.Cuda;

/// <summary>The selective scan of tensors on a GPU, with its own backward pass.</summary>
internal sealed class CudaScanFunction : autograd.SingleTensorFunction<CudaScanFunction>
{
    private const string Path = "path", Softplus = "softplus";

    /// <inheritdoc/>
    public override string Name => nameof(SelectiveScan);

    /// <summary>The scan: arguments as <see cref="SelectiveScan.Apply"/> has them. Tensors of several types are all taken to float32.</summary>
    public static Tensor Scan(
        Tensor u, Tensor delta, Tensor a, Tensor b, Tensor c, Tensor? d, Tensor? z, Tensor? deltaBias, ScanPath path, bool softplus)
    {
        using var scope = NewDisposeScope();
        var given = new ScanInputs(u, delta, a, b, c, d, z, deltaBias);
        var inputs = given.HaveOneType ? given : given.To(ScalarType.Float32);
        var y = CustomBackward.IsNeeded(inputs.All)
            ? apply([.. inputs.All.Select(CustomBackward.Viewed)!, path, softplus])
            : new CudaScan(inputs.Readable(), [path], softplus).Forward().Y;
        return y.In(u.dtype).MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public override Tensor forward(autograd.AutogradContext ctx, params object[] vars)
    {
        using var scope = NewDisposeScope();
        var inputs = ScanInputs.From(vars.Select(argument => argument as Tensor).ToArray());
        var (path, softplus) = ((ScanPath)vars[8], (bool)vars[9]);
        var scan = new CudaScan(inputs.Readable(), [path], softplus);
        scan.PrepareBackward();
        var (y, states, elapsed) = scan.Forward();
        ctx.set_materialize_grads(false);
        // TorchSharp takes hold of saved tensors only when this method has returned.
        ctx.save_for_backward([.. inputs.All!, states?.MoveToOuterDisposeScope()!, elapsed?.MoveToOuterDisposeScope()!]);
        ctx.save_data(Path, path);
        ctx.save_data(Softplus, softplus);
        return y.MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public override List<Tensor> backward(autograd.AutogradContext ctx, Tensor grad_output) =>
        CustomBackward.Run(grad_output, () =>
        {
            var saved = ctx.get_saved_variables();
            var inputs = ScanInputs.From(saved);
            var parts = new CudaScan(inputs.Readable(), [(ScanPath)ctx.get_data(Path)], (bool)ctx.get_data(Softplus))
                .Backward(RowsArgument.Readable(grad_output), saved[8], saved[9]);
            return [.. Gradients(parts, inputs).Zip(inputs.All, (gradient, input) => gradient?.In(input!.dtype)), null, null];
        });

    // In the order of the operator's tensors.
    private static Tensor?[] Gradients(ScanGradientParts parts, ScanInputs inputs)
    {
        var states = inputs.A.shape[1];
        var weights = parts.Weights.shape[0] == 1 ? parts.Weights[0] : parts.Weights.sum([0L]);
        return
        [
            parts.Du, parts.Ddelta, parts.Parameters.narrow(1, 0, states),
            weights.narrow(-1, 0, states), weights.narrow(-1, states, states),
            inputs.D is null ? null : parts.Parameters.select(1, states),
            parts.Dz is null ? null : parts.Dz.shape[1] == 1 ? parts.Dz.squeeze(1) : parts.Dz.sum([1L]),
            inputs.DeltaBias is null ? null : parts.Parameters.select(1, states + 1),
        ];
    }
}
