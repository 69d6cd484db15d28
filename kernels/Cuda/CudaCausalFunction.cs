using static TorchSharp.torch;

namespace MedSegDsl.Kernels.Cuda;

/// <summary>The causal convolution of tensors on a GPU, with its own backward pass. The weight is taken to x's type.</summary>
internal sealed class CudaCausalFunction : PathConvolution<CudaCausalFunction>
{
    /// <inheritdoc/>
    public override string Name => nameof(CausalConv1d);

    /// <inheritdoc/>
    protected override Tensor Prepared(Tensor weight, ScalarType type) => weight.In(type);

    /// <inheritdoc/>
    protected override Tensor Forward(Tensor x, Tensor weight, Tensor? bias, ScanPath path)
    {
        using var scope = NewDisposeScope();
        return new CudaCausal(x.shape, weight.contiguous(), path)
            .Forward(RowsArgument.Readable(x), ElementTypes.Parameter(bias))
            .MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    protected override (Tensor? X, Tensor Weight, Tensor? Bias) Backward(Tensor x, Tensor weight, Tensor? bias, ScanPath path, Tensor gradient)
    {
        var convolution = new CudaCausal(x.shape, weight.contiguous(), path);
        var rows = RowsArgument.Readable(gradient);
        var dx = x.requires_grad ? convolution.InputGradient(rows) : null;
        var (dWeight, dBias) = convolution.WeightGradients(RowsArgument.Readable(x), rows);
        return (dx, dWeight.In(weight.dtype), bias is null ? null : dBias.In(bias.dtype));
    }
}
