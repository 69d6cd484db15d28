using static TorchSharp.torch;

namespace MedSegDsl.Kernels.Cuda;

/// <summary>The depthwise 3D convolution of tensors on a GPU, with its own backward pass. The weight is read in float32,
/// whatever x is.</summary>
internal sealed class CudaDepthwiseFunction : PathConvolution<CudaDepthwiseFunction>
{
    /// <inheritdoc/>
    public override string Name => nameof(DepthwiseConv3d);

    /// <inheritdoc/>
    protected override Tensor Prepared(Tensor weight, ScalarType type) => weight.In(ScalarType.Float32);

    /// <inheritdoc/>
    protected override Tensor Forward(Tensor x, Tensor weight, Tensor? bias, ScanPath path)
    {
        using var scope = NewDisposeScope();
        var input = VolumeArgument.Readable(x);
        var y = empty(x.shape, x.dtype, x.device);
        Convolution(x, weight, path)
            .Forward(VolumeArgument.Of(input), [ElementTypes.Parameter(bias)], VolumeArgument.Of(y), 0, 0);
        GC.KeepAlive(input);
        return y.MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    protected override (Tensor? X, Tensor Weight, Tensor? Bias) Backward(Tensor x, Tensor weight, Tensor? bias, ScanPath path, Tensor gradient)
    {
        var (input, rows) = (VolumeArgument.Readable(x), VolumeArgument.Readable(gradient));
        var convolution = Convolution(x, weight, path);
        Tensor? dx = null;
        if (x.requires_grad)
        {
            dx = empty(x.shape, x.dtype, x.device);
            convolution.InputGradient(VolumeArgument.Of(rows), 0, VolumeArgument.Of(dx), accumulated: false);
        }
        var (dWeight, dBias) = convolution.WeightGradients(VolumeArgument.Of(input), VolumeArgument.Of(rows), 0);
        GC.KeepAlive((input, rows));
        return (dx, dWeight.squeeze(0), bias is null ? null : dBias.squeeze(0).In(bias.dtype));
    }

    private static CudaDepthwise Convolution(Tensor x, Tensor weight, ScanPath path) =>
        new(x.shape, x.dtype, [weight.contiguous()], [path]);
}
