using static TorchSharp.torch;

namespace MedSegDsl.Kernels;

/// <summary>One order in which a mixer scans, with the depthwise convolutions in front of it.</summary>
/// <param name="Path">How the volume is read.</param>
/// <param name="Weights">For each scale the kernels (C, 1, k, k, k), k odd.</param>
/// <param name="Biases">For each scale the bias (C).</param>
public sealed record MixerOrder(ScanPath Path, IReadOnlyList<Tensor> Weights, IReadOnlyList<Tensor> Biases);
