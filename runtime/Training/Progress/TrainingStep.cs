using MedSegDsl.Runtime.Training.Loading;

namespace MedSegDsl.Runtime.Training.Progress;

/// <summary>One batch is done.</summary>
/// <param name="Batch">Which batch.</param>
/// <param name="Iterations">Batches of this purpose in the epoch.</param>
/// <param name="Loss">Its loss.</param>
/// <param name="Remaining">How long the training will still take; null before there is anything to go by.</param>
public readonly record struct TrainingStep(BatchKey Batch, int Iterations, double Loss, TimeSpan? Remaining);
