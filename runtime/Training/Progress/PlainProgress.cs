namespace MedSegDsl.Runtime.Training.Progress;

/// <summary>A line for each epoch: for output that goes to a file or another program.</summary>
/// <param name="output">Where the lines go.</param>
public sealed class PlainProgress(TextWriter output) : ITrainingProgress
{
    private int epochs;

    /// <inheritdoc/>
    public void Started(TrainingOverview overview)
    {
        epochs = overview.Epochs;
        foreach (var line in overview.Lines)
            output.WriteLine(line);
    }

    /// <inheritdoc/>
    public void Stepped(TrainingStep step) { }

    /// <inheritdoc/>
    public void EpochEnded(Curves curves, TimeSpan remaining)
    {
        output.WriteLine(ProgressText.Epoch(curves.Epochs[^1], epochs, remaining));
        output.Flush();
    }

    /// <inheritdoc/>
    public void Noted(string line) => output.WriteLine(line);

    /// <inheritdoc/>
    public void Ended() => output.Flush();
}
