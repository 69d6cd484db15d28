using static TorchSharp.torch;

namespace MedSegDsl.Kernels;

/// <summary>The depthwise 3D convolution of float32 tensors on the CPU, with its own backward pass.</summary>
internal sealed unsafe class DepthwiseFunction : PathConvolution<DepthwiseFunction>
{
    /// <inheritdoc/>
    public override string Name => nameof(DepthwiseConv3d);

    /// <inheritdoc/>
    protected override Tensor Forward(Tensor x, Tensor weight, Tensor? bias, ScanPath path)
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

    /// <inheritdoc/>
    protected override (Tensor? X, Tensor Weight, Tensor? Bias) Backward(Tensor x, Tensor weight, Tensor? bias, ScanPath path, Tensor gradient)
    {
        var problem = Problem(x, weight);
        var places = problem.KernelPlaces(path);
        var (input, kernels, rows) = (Rows.Readable(x), weight.contiguous(), Rows.Readable(gradient));
        Tensor? dx = null;
        if (x.requires_grad)
        {
            dx = empty(x.shape);
            DepthwiseTasks.Convolve(
                problem, new Volume(rows), Rows.Data(kernels), places.Reverse().ToArray(), null, new Volume(dx));
        }
        var dWeight = empty([problem.Batch * problem.Slabs, .. weight.shape], ScalarType.Float64);
        var dBias = empty([problem.Batch * problem.Slabs, weight.shape[0]], ScalarType.Float64);
        DepthwiseTasks.WeightGradients(
            problem, new Volume(input), places, new Volume(rows), Rows.DoubleData(dWeight), Rows.DoubleData(dBias));
        GC.KeepAlive((input, kernels, rows));
        return (dx, Total(dWeight), bias is null ? null : Total(dBias));
    }

    private static Tensor Total(Tensor parts) => parts.sum([0L]).to(ScalarType.Float32);

    private static DepthwiseProblem Problem(Tensor x, Tensor weight)
    {
        var shape = x.shape;
        return new DepthwiseProblem((int)shape[0], (int)shape[1], (int)shape[2], (int)shape[3], (int)shape[4], (int)weight.shape[^1]);
    }
}
