namespace MedSegDsl.Runtime.Training.Checkpoints;

/// <summary>What was done of an epoch that was interrupted. Its validation changes nothing, and is done again.</summary>
/// <param name="Batches">Training batches, whole steps of the optimizer.</param>
/// <param name="LossSum">The sum of their losses.</param>
/// <param name="Seconds">Wall time.</param>
public readonly record struct UnfinishedEpoch(int Batches, double LossSum, double Seconds);
