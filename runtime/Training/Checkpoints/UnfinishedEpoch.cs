namespace MedSegDsl.Runtime.Training.Checkpoints;

/// <summary>What was done of an epoch that was interrupted. Its validation changes nothing, and is done again.</summary>
/// <param name="Batches">Training batches, whole steps of the optimizer.</param>
/// <param name="LossSum">The sum of their losses.</param>
/// <param name="Seconds">Wall time.</param>
/// <param name="LeftOut">Batches whose loss was not a number, and is not in the sum.</param>
public readonly record struct UnfinishedEpoch(int Batches, double LossSum, double Seconds, int LeftOut = 0);
