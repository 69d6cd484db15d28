using MedSegDsl.Kernels.Cuda;
using static TorchSharp.torch;

namespace MedSegDsl.Kernels;

/// <summary>
/// What lies between the two linear layers of a Mamba mixer whose orders share one state-space model: for every order
/// depthwise convolutions of x at several scales, SiLU, one selective scan over the scales joined end to end, gated by z; then the
/// orders' scaled sum, the scales of a token side by side. One operator on a GPU: x and z are read where the first linear
/// layer left them, all orders go through each kernel together, and of what lies between only the convolutions' results are kept
/// for the backward pass. Elsewhere the same is built from <see cref="DepthwiseConv3d"/> and <see cref="SelectiveScan"/>.
/// </summary>
public static class MixerScan
{
    /// <summary>Whether the operator takes these; the caller builds from single operators what it does not take.</summary>
    public static bool Takes(Tensor projected, IReadOnlyList<MixerOrder> orders, MixerStateSpace space) =>
        ElementTypes.AreSupported(projected, space.Projection)
        && orders.Count <= PerOrder<nint>.Most
        && CudaScan.TakesStates(space.A.shape[1])
        && orders[0].Weights.All(weight => weight.shape[^1] <= DepthwiseKernels.LargestTiled);

    /// <summary>Runs the operator. Differentiable in every tensor.</summary>
    /// <param name="projected">x, then z: (B, D, H, W, 2·C).</param>
    /// <param name="orders">The orders, each with as many scales S.</param>
    /// <param name="space">The state-space model. Parameters in float32.</param>
    /// <param name="scale">What the sum over orders is multiplied with: 1 for a sum, 1 / orders for a mean.</param>
    /// <returns>(B, D, H, W, S·C).</returns>
    public static Tensor Apply(Tensor projected, IReadOnlyList<MixerOrder> orders, MixerStateSpace space, double scale) =>
        CudaMixerFunction.Mix(projected, orders, space, scale);
}
