using static TorchSharp.torch;

namespace MedSegDsl.Kernels;

/// <summary>The depthwise 3D convolution of float32 tensors on the CPU, with its own backward pass.</summary>
internal sealed unsafe class DepthwiseFunction : autograd.SingleTensorFunction<DepthwiseFunction>
{
    private const string Path = "path";

    /// <inheritdoc/>
    public override string Name => nameof(DepthwiseConv3d);

    /// <summary>The convolution: arguments as <see cref="DepthwiseConv3d.Apply"/> has them.</summary>
    public static Tensor Convolve(Tensor x, Tensor weight, Tensor? bias, ScanPath path)
    {
        using var scope = NewDisposeScope();
        var y = CustomBackward.IsNeeded(x, weight, bias) ? apply(x, weight, bias!, path) : Forward(x, weight, bias, path);
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
            return Backward(saved[0], saved[1], saved[2], (ScanPath)ctx.get_data(Path), Rows.Readable(grad_output));
        });

    private static Tensor Forward(Tensor x, Tensor weight, Tensor? bias, ScanPath path)
    {
        using var scope = NewDisposeScope();
        var problem = Problem(x, weight);
        var (input, kernels, offset) = (Rows.Readable(x), weight.contiguous(), bias?.contiguous());
        var y = empty(x.shape);
        DepthwiseTasks.Convolve(
            problem, new Volume(input), Rows.Data(kernels), problem.KernelPlaces(path), offset is null ? null : Rows.Data(offset), new Volume(y));
        GC.KeepAlive((input, kernels, offset));
        return y.MoveToOuterDisposeScope();
    }

    private static List<Tensor?> Backward(Tensor x, Tensor weight, Tensor? bias, ScanPath path, Tensor gradient)
    {
        var problem = Problem(x, weight);
        var places = problem.KernelPlaces(path);
        var (input, kernels) = (Rows.Readable(x), weight.contiguous());
        Tensor? dx = null;
        if (x.requires_grad)
        {
            dx = empty(x.shape);
            DepthwiseTasks.Convolve(
                problem, new Volume(gradient), Rows.Data(kernels), places.Reverse().ToArray(), null, new Volume(dx));
        }
        var dWeight = empty([problem.Batch * problem.Slabs, .. weight.shape], ScalarType.Float64);
        var dBias = empty([problem.Batch * problem.Slabs, weight.shape[0]], ScalarType.Float64);
        DepthwiseTasks.WeightGradients(
            problem, new Volume(input), places, new Volume(gradient), Rows.DoubleData(dWeight), Rows.DoubleData(dBias));
        GC.KeepAlive((input, kernels));
        return [dx, Total(dWeight), bias is null ? null : Total(dBias), null];
    }

    private static Tensor Total(Tensor parts) => parts.sum([0L]).to(ScalarType.Float32);

    private static DepthwiseProblem Problem(Tensor x, Tensor weight)
    {
        var shape = x.shape;
        return new DepthwiseProblem((int)shape[0], (int)shape[1], (int)shape[2], (int)shape[3], (int)shape[4], (int)weight.shape[^1]);
    }
}
