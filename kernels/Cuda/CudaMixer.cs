using static TorchSharp.torch;

namespace MedSegDsl.Kernels.Cuda;

/// <summary>The operator <see cref="MixerScan"/> on a GPU: forward and backward passes of kernels and matrix products.</summary>
internal sealed class CudaMixer
{
    // The rank is filled up to a multiple of this.
    private const int Alignment = 8;

    private readonly Tensor projected;
    private readonly IReadOnlyList<MixerOrder> orders;
    private readonly MixerStateSpace space;
    private readonly double scale;
    private readonly ScalarType type;
    private readonly MixingKernels kernels;
    private readonly IReadOnlyList<CudaDepthwise> convolutions;
    private readonly IReadOnlyList<ScanPath> paths;
    private readonly long batch, length, channels, states, rank, padded;
    private readonly int height, width, scales;
    private readonly Tensor projectionWeight, timeStepWeight;

    /// <summary>The operator on contiguous tensors, parameters in float32.</summary>
    public CudaMixer(Tensor projected, IReadOnlyList<MixerOrder> orders, MixerStateSpace space, double scale)
    {
        (this.projected, this.orders, this.space, this.scale) = (projected, orders, space, scale);
        type = projected.dtype;
        var shape = projected.shape;
        (batch, height, width, channels) = (shape[0], (int)shape[2], (int)shape[3], shape[4] / 2);
        length = shape[1] * shape[2] * shape[3];
        states = space.A.shape[1];
        rank = space.TimeStep.shape[1];
        padded = (rank + Alignment - 1) / Alignment * Alignment;
        scales = orders[0].Weights.Count;
        paths = [.. orders.Select(order => order.Path)];
        kernels = MixingKernels.For(projected);
        (projectionWeight, timeStepWeight) = kernels.Padded(space.Projection, space.TimeStep, (int)padded, type);
        long[] volume = [.. shape[..4], channels];
        convolutions =
        [
            .. Enumerable.Range(0, scales).Select(
                s => new CudaDepthwise(volume, type, [.. orders.Select(order => order.Weights[s])], paths)),
        ];
    }

    private long Entries => orders.Count * batch;

    private long Tokens => Entries * scales * length;

    // Elements from one order's volumes to the next's, of tensors (orders · B, S, L, C).
    private long OrderStride => batch * scales * length * channels;

    /// <summary>What the backward pass needs of the forward pass.</summary>
    /// <param name="Convolved">The convolutions' results (orders · B, S, L, C).</param>
    /// <param name="Projection">Time steps, input and output weights of every token, (orders · B · S · L, R' + 2·N), R' the padded rank.</param>
    /// <param name="States">The states at the chunks' starts, if there are several.</param>
    /// <param name="Elapsed">The sums of the chunks' time steps.</param>
    public readonly record struct Kept(Tensor Convolved, Tensor Projection, Tensor? States, Tensor? Elapsed);

    /// <summary>The result (B, D, H, W, S·C), and what the backward pass needs where that is wanted.</summary>
    public (Tensor Result, Kept Kept) Forward(bool keep)
    {
        var u = Empty(Entries, scales, length, channels);
        var convolved = keep ? Empty(Entries, scales, length, channels) : u;
        foreach (var (convolution, s) in convolutions.Select((convolution, s) => (convolution, s)))
        {
            // Where nothing is kept, SiLU's results overwrite the convolution's.
            convolution.Forward(
                X(projected), [.. orders.Select(order => order.Biases[s])], Scale(convolved, s), OrderStride, AddressOf(u, s));
        }
        var projection = nn.functional.linear(u.view(Tokens, channels), projectionWeight);
        using var delta = TimeSteps(projection);
        var scan = Scan(u, delta, projection);
        if (keep)
        {
            scan.PrepareBackward();
        }
        var (y, starts, elapsed) = scan.Forward();
        if (keep)
        {
            u.Dispose();
        }
        return (Joined(y), new Kept(convolved, projection, starts, elapsed));
    }

    /// <summary>The gradients of everything, from the result's and what the forward pass kept.</summary>
    public MixerGradients Backward(Tensor gradient, Kept kept)
    {
        var scaled = (scale == 1 ? gradient : gradient * scale).contiguous().view(batch, length, scales, channels);
        using var u = nn.functional.silu(kept.Convolved);
        ScanGradientParts parts;
        using (var delta = TimeSteps(kept.Projection))
        {
            parts = Scan(u, delta, kept.Projection).Backward(scaled, kept.States, kept.Elapsed);
        }

        var tokens = u.view(Tokens, channels);
        var (dTokens, dDelta) = (parts.Du.view(Tokens, channels), parts.Ddelta.view(Tokens, channels));
        var dProjection = Empty(Tokens, padded + 2 * states);
        kernels.Sum(parts.Weights, (int)parts.Weights.shape[0], 1, dProjection.narrow(1, padded, 2 * states).unsqueeze(0), 1);
        dProjection.narrow(1, 0, padded).addmm_(dDelta, timeStepWeight, beta: 0, alpha: 1);
        var dTimeStep = dDelta.t().mm(kept.Projection.narrow(1, 0, padded)).narrow(1, 0, rank).In(ScalarType.Float32);
        var dPadded = dProjection.t().mm(tokens);
        var dSpaceProjection = cat([dPadded.narrow(0, 0, rank), dPadded.narrow(0, padded, 2 * states)], 0).In(ScalarType.Float32);
        dTokens.addmm_(dProjection, projectionWeight);
        kernels.SiluGradient(kept.Convolved, parts.Du);

        var dProjected = Empty(projected.shape);
        var perScale = new List<(Tensor Weights, Tensor Biases)>();
        foreach (var (convolution, s) in convolutions.Select((convolution, s) => (convolution, s)))
        {
            convolution.InputGradient(Scale(parts.Du, s), OrderStride, X(dProjected), accumulated: s > 0);
            perScale.Add(convolution.WeightGradients(X(projected), Scale(parts.Du, s), OrderStride));
        }
        kernels.Sum(parts.Dz!, orders.Count, scales, Gate(dProjected), 1);
        GC.KeepAlive((projected, kept));
        return new MixerGradients(
            dProjected, dSpaceProjection, dTimeStep, parts.Parameters.select(1, states + 1), parts.Parameters.narrow(1, 0, states),
            parts.Parameters.select(1, states), perScale);
    }

    private CudaScan Scan(Tensor u, Tensor delta, Tensor projection)
    {
        var perToken = projection.view(Entries, scales, length, padded + 2 * states);
        var inputs = new ScanInputs(
            u, delta, space.A, perToken.narrow(-1, padded, states), perToken.narrow(-1, padded + states, states), space.Skip, Gate(projected),
            space.TimeStepBias);
        return new CudaScan(inputs, paths, softplus: true, joined: true);
    }

    private Tensor TimeSteps(Tensor projection) =>
        nn.functional.linear(projection.narrow(1, 0, padded), timeStepWeight).view(Entries, scales, length, channels);

    // (orders · B, L, S, C) → (B, D, H, W, S·C)
    private Tensor Joined(Tensor y)
    {
        var shape = projected.shape;
        var joined = y;
        if (orders.Count > 1 || scale != 1)
        {
            joined = Empty(batch, length, scales * channels);
            kernels.Sum(y, orders.Count, 1, joined, scale);
        }
        return joined.view(batch, shape[1], shape[2], shape[3], scales * channels);
    }

    // z, or its gradient: (B, L, C).
    private Tensor Gate(Tensor both) => both.view(batch, length, 2 * channels).narrow(-1, channels, channels);

    // x, or its gradient: the first half of a tensor that holds both.
    private VolumeArgument X(Tensor both) =>
        VolumeArgument.At(DeviceMemory.Address(both), length * 2 * channels, height, width, 2 * (int)channels);

    // The first order's volume of one scale, of a tensor (orders · B, S, L, C).
    private VolumeArgument Scale(Tensor tensor, int index) =>
        VolumeArgument.At(AddressOf(tensor, index), scales * length * channels, height, width, (int)channels);

    private nint AddressOf(Tensor tensor, int index) =>
        DeviceMemory.Address(tensor) + (nint)(index * length * channels * tensor.element_size());

    private Tensor Empty(params long[] shape) => empty(shape, type, projected.device);
}

/// <summary>The gradients of <see cref="MixerScan"/>, those of parameters in float32.</summary>
/// <param name="Projected">Of x and z.</param>
/// <param name="Projection">Of the projection.</param>
/// <param name="TimeStep">Of the time step's weights.</param>
/// <param name="TimeStepBias">Of its bias.</param>
/// <param name="A">Of the decay rates.</param>
/// <param name="Skip">Of the skip weights.</param>
/// <param name="Scales">Of each scale's kernels (orders, C, 1, k, k, k) and biases (orders, C).</param>
internal sealed record MixerGradients(
    Tensor Projected, Tensor Projection, Tensor TimeStep, Tensor TimeStepBias, Tensor A, Tensor Skip,
    IReadOnlyList<(Tensor Weights, Tensor Biases)> Scales);
