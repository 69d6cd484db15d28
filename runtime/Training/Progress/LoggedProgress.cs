using Microsoft.Extensions.Logging;

namespace MedSegDsl.Runtime.Training.Progress;

/// <summary>The lines of a training, a line for each epoch among them, as messages of Microsoft.Extensions.Logging.</summary>
/// <param name="logger">Takes the lines.</param>
public sealed class LoggedProgress(ILogger logger) : ITrainingProgress
{
    /// <summary>The category of the messages, by which a host can filter them.</summary>
    public const string Category = "MedSegDsl.Training";

    private int epochs;

    /// <inheritdoc/>
    public void Started(TrainingOverview overview)
    {
        epochs = overview.Epochs;
        foreach (var line in overview.Lines)
            Noted(line);
        Noted($"classes: {string.Join(", ", overview.Classes)}");
    }

    /// <inheritdoc/>
    public void Stepped(TrainingStep step) { }

    /// <inheritdoc/>
    public void EpochEnded(Curves curves, TimeSpan remaining) =>
        Noted(ProgressText.Epoch(curves.Epochs[^1], epochs, remaining));

    /// <inheritdoc/>
    public void Noted(string line) => logger.LogInformation("{Line}", line);

    /// <inheritdoc/>
    public void Warned(string line) => logger.LogWarning("{Line}", line);

    /// <inheritdoc/>
    public void Ended() { }
}
