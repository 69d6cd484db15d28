using static TorchSharp.torch;

namespace MedSegDsl.Kernels;

/// <summary>The selective scan of float32 tensors on the CPU, with its own backward pass.</summary>
internal sealed unsafe class ScanFunction : autograd.SingleTensorFunction<ScanFunction>
{
    private const string Path = "path", Softplus = "softplus";

    /// <inheritdoc/>
    public override string Name => nameof(SelectiveScan);

    /// <summary>The scan: arguments as <see cref="SelectiveScan.Apply"/> has them.</summary>
    public static Tensor Scan(
        Tensor u, Tensor delta, Tensor a, Tensor b, Tensor c, Tensor? d, Tensor? z, Tensor? deltaBias, ScanPath path, bool softplus)
    {
        using var scope = NewDisposeScope();
        var y = CustomBackward.IsNeeded(u, delta, a, b, c, d, z, deltaBias)
            ? apply(u, delta, a, b, c, d!, z!, deltaBias!, path, softplus)
            : Forward(new Inputs(u, delta, a, b, c, d, z, deltaBias), path, softplus, null);
        return y.MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public override Tensor forward(autograd.AutogradContext ctx, params object[] vars)
    {
        var inputs = Inputs.From(vars.Select(argument => argument as Tensor).ToArray());
        var (path, softplus) = ((ScanPath)vars[8], (bool)vars[9]);
        var starts = empty(ScanProblem.StartsSize(inputs.U.shape[0], inputs.U.shape[1], path.Length, (int)inputs.U.shape[3], inputs.A.shape[1]));
        ctx.set_materialize_grads(false);
        ctx.save_for_backward([.. inputs.All!, starts]);
        ctx.save_data(Path, path);
        ctx.save_data(Softplus, softplus);
        return Forward(inputs, path, softplus, starts);
    }

    /// <inheritdoc/>
    public override List<Tensor> backward(autograd.AutogradContext ctx, Tensor grad_output) =>
        CustomBackward.Run(grad_output, () =>
        {
            var saved = ctx.get_saved_variables();
            var (path, softplus) = ((ScanPath)ctx.get_data(Path), (bool)ctx.get_data(Softplus));
            return [.. Backward(Inputs.From(saved), path, softplus, saved[^1], Rows.Readable(grad_output)), null, null];
        });

    private static Tensor Forward(Inputs inputs, ScanPath path, bool softplus, Tensor? starts)
    {
        using var scope = NewDisposeScope();
        var readable = inputs.Readable();
        var y = empty(inputs.U.shape);
        fixed (int* order = path.Order)
        {
            ScanForwardTask.RunAll(Problem(readable, order, softplus, starts), Rows.OfSegments(y));
        }
        GC.KeepAlive(readable);
        GC.KeepAlive(starts);
        return y.MoveToOuterDisposeScope();
    }

    private static Tensor?[] Backward(Inputs inputs, ScanPath path, bool softplus, Tensor starts, Tensor gradient)
    {
        var readable = inputs.Readable();
        var (shape, states) = (inputs.U.shape, inputs.A.shape[1]);
        var (batch, channels) = (shape[0], shape[3]);
        var (du, dDelta) = (empty(shape), empty(shape));
        var dz = inputs.Z is null ? null : empty(inputs.Z.shape);
        long[] parts = [ChannelBlock.Count((int)channels), batch, shape[1], shape[2], states];
        var (db, dc) = (empty(parts), empty(parts));
        var da = empty([batch, channels, states], ScalarType.Float64);
        var (dSkip, dBias) = (empty([batch, channels], ScalarType.Float64), empty([batch, channels], ScalarType.Float64));
        fixed (int* order = path.Order)
        {
            ScanBackwardTask.RunAll(Problem(readable, order, softplus, starts), new ScanGradients
            {
                Result = Rows.OfSegments(gradient),
                U = Rows.OfSegments(du),
                Delta = Rows.OfSegments(dDelta),
                Z = dz is null ? default : Rows.OfTokens(dz),
                BParts = Rows.Data(db),
                CParts = Rows.Data(dc),
                AParts = Rows.DoubleData(da),
                SkipParts = Rows.DoubleData(dSkip),
                BiasParts = Rows.DoubleData(dBias),
            });
        }
        GC.KeepAlive(readable);
        return
        [
            du, dDelta, Total(da), db.sum([0L]), dc.sum([0L]),
            inputs.D is null ? null : Total(dSkip), dz, inputs.DeltaBias is null ? null : Total(dBias),
        ];
    }

    private static Tensor Total(Tensor parts) => parts.sum([0L]).to(ScalarType.Float32);

    private static ScanProblem Problem(Inputs inputs, int* order, bool softplus, Tensor? starts)
    {
        var shape = inputs.U.shape;
        return new ScanProblem
        {
            Batch = (int)shape[0],
            Segments = (int)shape[1],
            Length = (int)shape[2],
            Channels = (int)shape[3],
            States = (int)inputs.A.shape[1],
            Softplus = softplus,
            Order = order,
            U = Rows.OfSegments(inputs.U),
            Delta = Rows.OfSegments(inputs.Delta),
            B = Rows.OfSegments(inputs.B),
            C = Rows.OfSegments(inputs.C),
            Z = inputs.Z is null ? default : Rows.OfTokens(inputs.Z),
            A = Rows.Data(inputs.A),
            Skip = inputs.D is null ? null : Rows.Data(inputs.D),
            Bias = inputs.DeltaBias is null ? null : Rows.Data(inputs.DeltaBias),
            Starts = starts is null ? null : Rows.Data(starts),
        };
    }

    private sealed record Inputs(Tensor U, Tensor Delta, Tensor A, Tensor B, Tensor C, Tensor? D, Tensor? Z, Tensor? DeltaBias)
    {
        public Tensor?[] All => [U, Delta, A, B, C, D, Z, DeltaBias];

        public static Inputs From(IReadOnlyList<Tensor?> list) =>
            new(list[0]!, list[1]!, list[2]!, list[3]!, list[4]!, list[5], list[6], list[7]);

        // Rows contiguous, parameters contiguous.
        public Inputs Readable() =>
            new(
                Rows.Readable(U), Rows.Readable(Delta), A.contiguous(), Rows.Readable(B), Rows.Readable(C),
                D?.contiguous(), Z is null ? null : Rows.Readable(Z), DeltaBias?.contiguous());
    }
}
