namespace MedSegDsl.Runtime.Training.Progress;

/// <summary>Says nothing.</summary>
public sealed class SilentProgress : ITrainingProgress
{
    /// <inheritdoc/>
    public void Started(TrainingOverview overview) { }

    /// <inheritdoc/>
    public void Stepped(TrainingStep step) { }

    /// <inheritdoc/>
    public void EpochEnded(Curves curves, TimeSpan remaining) { }

    /// <inheritdoc/>
    public void Noted(string line) { }

    /// <inheritdoc/>
    public void Ended() { }
}
