namespace MedSegDsl.Runtime.Training.Progress;

/// <summary>Tells several listeners, in their order.</summary>
/// <param name="listeners">Who is told.</param>
public sealed class SeveralProgresses(params IReadOnlyList<ITrainingProgress> listeners) : ITrainingProgress
{
    /// <inheritdoc/>
    public void Started(TrainingOverview overview)
    {
        foreach (var listener in listeners)
            listener.Started(overview);
    }

    /// <inheritdoc/>
    public void Stepped(TrainingStep step)
    {
        foreach (var listener in listeners)
            listener.Stepped(step);
    }

    /// <inheritdoc/>
    public void EpochEnded(Curves curves, TimeSpan remaining)
    {
        foreach (var listener in listeners)
            listener.EpochEnded(curves, remaining);
    }

    /// <inheritdoc/>
    public void Noted(string line)
    {
        foreach (var listener in listeners)
            listener.Noted(line);
    }

    /// <inheritdoc/>
    public void Warned(string line)
    {
        foreach (var listener in listeners)
            listener.Warned(line);
    }

    /// <inheritdoc/>
    public void Ended()
    {
        foreach (var listener in listeners)
            listener.Ended();
    }
}
