using static TorchSharp.torch;

namespace MedSegDsl.Runtime.Training.Losses;

/// <summary>A loss and its derivative with respect to the logits: backward passes start from the latter, so nothing of
/// the loss itself is recorded for automatic differentiation.</summary>
/// <param name="Value">The loss: a float32 tensor without dimensions.</param>
/// <param name="Gradient">Shaped like the logits; null where it was not asked for.</param>
public readonly record struct LossValue(Tensor Value, Tensor? Gradient);
