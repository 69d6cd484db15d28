using MedSegDsl.Kernels.Cuda;
using static TorchSharp.torch;

namespace MedSegDsl.Kernels;

/// <summary>
/// Root-mean-square normalisation (Zhang and Sennrich, "Root Mean Square Layer Normalization", 2019): x / √(mean(x²) + ε) · weight
/// over the last axis.
/// </summary>
public static class RmsNormalization
{
    /// <summary>Normalises. Differentiable in both tensors. Computed in at least float32, whatever comes in.</summary>
    /// <param name="x">(…, C).</param>
    /// <param name="weight">(C).</param>
    /// <param name="epsilon">ε.</param>
    /// <returns>x's shape and type.</returns>
    public static Tensor Apply(Tensor x, Tensor weight, double epsilon) =>
        x.shape[^1] <= CudaRmsNorm.MostChannels && weight.dtype == ScalarType.Float32 && ElementTypes.AreSupported(x, weight)
            ? CudaRmsNormFunction.Normalize(x, weight, epsilon)
            : WithTensorOperations(x, weight, epsilon);

    /// <summary>The same in tensor operations: any type and any device.</summary>
    public static Tensor WithTensorOperations(Tensor x, Tensor weight, double epsilon)
    {
        using var scope = NewDisposeScope();
        var exact = x.In(weight.dtype);
        var inverse = exact.square().mean([-1], keepdim: true).add(epsilon).rsqrt();
        return (exact * inverse * weight).In(x.dtype).MoveToOuterDisposeScope();
    }
}
