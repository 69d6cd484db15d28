using System.Globalization;

namespace MedSegDsl.Runtime.Training.Progress;

/// <summary>The lines of a training with their time, appended to <c>training_log.txt</c>.</summary>
/// <param name="path">The file; its folder exists.</param>
public sealed class TrainingLogFile(string path) : ITrainingProgress
{
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
    public void Noted(string line)
    {
        var time = DateTime.Now.ToString("yyyy-MM-dd HH:mm:ss", CultureInfo.InvariantCulture);
        File.AppendAllText(path, $"{time}  {line}\n");
    }

    /// <inheritdoc/>
    public void Ended() { }
}
