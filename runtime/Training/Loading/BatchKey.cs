namespace MedSegDsl.Runtime.Training.Loading;

/// <summary>What a batch is for.</summary>
public enum BatchPurpose
{
    /// <summary>A step of the optimizer.</summary>
    Training,

    /// <summary>The online validation after an epoch.</summary>
    Validation,
}

/// <summary>Which batch of a training it is.</summary>
/// <param name="Purpose">Training or validation.</param>
/// <param name="Epoch">Counted from 0.</param>
/// <param name="Iteration">Counted from 0 within the epoch and purpose.</param>
public readonly record struct BatchKey(BatchPurpose Purpose, int Epoch, int Iteration);
