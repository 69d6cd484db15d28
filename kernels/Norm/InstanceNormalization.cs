using MedSegDsl.Kernels.Cuda;
using static TorchSharp.torch;

namespace MedSegDsl.Kernels;

/// <summary>
/// Instance normalisation (Ulyanov et al., "Instance Normalization", 2016) with what follows it in a convolution block: f(x̂ · weight + bias +
/// added), x̂ = (x − mean) / √(variance + ε) over the voxels of each batch entry's channel; f(v) is v where v is positive, else slope · v.
/// One operator on a GPU: libtorch normalises a channel with one block, and reads the volume four more times for what follows.
/// </summary>
public static class InstanceNormalization
{
    /// <summary>Whether the operator takes these; the caller builds from single operators what it does not take.</summary>
    public static bool Takes(Tensor volume, Tensor? weight = null) => volume.dim() == 5 && ElementTypes.AreSupported(volume, weight);

    /// <summary>Normalises. Differentiable in all tensors. Computed in float32, whatever comes in.</summary>
    /// <param name="volume">(B, C, D, H, W), best with the channels last in memory.</param>
    /// <param name="weight">(C) or null for 1.</param>
    /// <param name="bias">(C) or null for 0.</param>
    /// <param name="epsilon">ε.</param>
    /// <param name="slope">The slope of f where it is negative: 1 for no activation, 0 for ReLU, between them for LeakyReLU.</param>
    /// <param name="added">What is added before f, (B, C, D, H, W), or null.</param>
    /// <param name="cancelled">
    /// A bias (C) of the layer before that was left out, since subtracting the mean takes it away again: it is not read, and its
    /// gradient is zero.
    /// </param>
    /// <returns>The volume's shape and type, channels last in memory.</returns>
    public static Tensor Apply(
        Tensor volume, Tensor? weight, Tensor? bias, double epsilon, double slope = 1, Tensor? added = null, Tensor? cancelled = null) =>
        CudaInstanceNormFunction.Normalize(volume, weight, bias, added, cancelled, epsilon, slope);
}
