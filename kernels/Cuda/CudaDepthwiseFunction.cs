using static TorchSharp.torch;

namespace MedSegDsl.Kernels.Cuda;

/// <summary>The depthwise 3D convolution of tensors on a GPU, with its own backward pass.</summary>
internal sealed class CudaDepthwiseFunction : autograd.SingleTensorFunction<CudaDepthwiseFunction>
{
    private const string Path = "path";

    /// <inheritdoc/>
    public override string Name => nameof(DepthwiseConv3d);

    /// <summary>The convolution: arguments as <see cref="DepthwiseConv3d.Apply"/> has them. The weight is read in float32, whatever x is.</summary>
    public static Tensor Convolve(Tensor x, Tensor weight, Tensor? bias, ScanPath path)
    {
        using var scope = NewDisposeScope();
        var kernels = weight.In(ScalarType.Float32);
        var y = CustomBackward.IsNeeded(x, kernels, bias) ? apply(x, kernels, bias!, path) : Forward(x, kernels, bias, path);
        return y.MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public override Tensor forward(autograd.AutogradContext ctx, params object[] vars)
    {
        var (x, weight, bias, path) = ((Tensor)vars[0], (Tensor)vars[1], vars[2] as Tensor, (ScanPath)vars[3]);
        ctx.set_materialize_grads(false);
        ctx.save_for_backward([x, weight, bias!]);
        ctx.save_data(Path, path);
        return Forward(x, weight, bias, path);
    }

    /// <inheritdoc/>
    public override List<Tensor> backward(autograd.AutogradContext ctx, Tensor grad_output) =>
        CustomBackward.Run(grad_output, () =>
        {
            var saved = ctx.get_saved_variables();
            var (x, weight, bias) = (saved[0], saved[1], saved[2]);
            var (input, gradient) = (VolumeArgument.Readable(x), VolumeArgument.Readable(grad_output));
            var convolution = Convolution(x, weight, (ScanPath)ctx.get_data(Path));
            Tensor? dx = null;
            if (x.requires_grad)
            {
                dx = empty(x.shape, x.dtype, x.device);
                convolution.InputGradient(VolumeArgument.Of(gradient), 0, VolumeArgument.Of(dx), accumulated: false);
            }
            var (dWeight, dBias) = convolution.WeightGradients(VolumeArgument.Of(input), VolumeArgument.Of(gradient), 0);
            GC.KeepAlive((input, gradient));
            return [dx, dWeight.squeeze(0), bias is null ? null : dBias.squeeze(0).In(bias.dtype), null];
        });

    private static Tensor Forward(Tensor x, Tensor weight, Tensor? bias, ScanPath path)
    {
        using var scope = NewDisposeScope();
        var input = VolumeArgument.Readable(x);
        var y = empty(x.shape, x.dtype, x.device);
        Convolution(x, weight, path)
            .Forward(VolumeArgument.Of(input), [ElementTypes.Parameter(bias)], VolumeArgument.Of(y), 0, 0);
        GC.KeepAlive(input);
        return y.MoveToOuterDisposeScope();
    }

    private static CudaDepthwise Convolution(Tensor x, Tensor weight, ScanPath path) =>
        new(x.shape, x.dtype, [weight.contiguous()], [path]);
}
