using static TorchSharp.torch;

namespace MedSegDsl.Kernels.Cuda;

/// <summary>What the scan's backward pass gives.</summary>
/// <param name="Du">The gradient of u, in its shape and type.</param>
/// <param name="Ddelta">The gradient of delta, in its shape and type.</param>
/// <param name="Dz">The gradient of z for each entry, segment and token, in u's shape; null without z.</param>
/// <param name="Weights">Parts of the gradients of b, then of c, that add up: (parts, entries, S, L, 2N) in float32.</param>
/// <param name="Parameters">The gradients of a, d and the bias of delta side by side: (D, N + 2) in float32.</param>
internal sealed record ScanGradientParts(Tensor Du, Tensor Ddelta, Tensor? Dz, Tensor Weights, Tensor Parameters);
