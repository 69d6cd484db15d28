using static TorchSharp.torch;

namespace MedSegDsl.Kernels;

/// <summary>The selective state-space model that all orders of a mixer share: C channels, N states, a time step of rank R.</summary>
/// <param name="Projection">From a token to its time step, input and output weights: (R + 2·N, C).</param>
/// <param name="TimeStep">From the rank to the channels: (C, R).</param>
/// <param name="TimeStepBias">Added before softplus: (C).</param>
/// <param name="A">Decay rates (C, N), negative.</param>
/// <param name="Skip">Skip weights (C).</param>
public sealed record MixerStateSpace(Tensor Projection, Tensor TimeStep, Tensor TimeStepBias, Tensor A, Tensor Skip);
