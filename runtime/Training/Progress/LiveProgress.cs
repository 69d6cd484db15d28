using MedSegDsl.Runtime.Training.Loading;
using Spectre.Console;
using Spectre.Console.Rendering;

namespace MedSegDsl.Runtime.Training.Progress;

/// <summary>
/// A display on the terminal that is drawn anew four times a second on a thread of its own: the epoch's bar, the last
/// epochs, the pseudo Dice of each class.
/// </summary>
/// <param name="console">The terminal.</param>
public sealed class LiveProgress(IAnsiConsole console) : ITrainingProgress
{
    private const int ShownEpochs = 6;
    private const int ShownClasses = 16;
    private const int BarWidth = 32;
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(250);

    private readonly Lock stateLock = new();
    private readonly ManualResetEventSlim over = new();
    private TrainingOverview? overview;
    private TrainingStep? step;
    private Curves? curves;
    private string note = "";
    private string warning = "";
    private Task drawing = Task.CompletedTask;

    /// <inheritdoc/>
    public void Started(TrainingOverview overview)
    {
        this.overview = overview;
        drawing = Task.Run(() => console.Live(Draw()).Start(Redraw));
    }

    /// <inheritdoc/>
    public void Stepped(TrainingStep step)
    {
        lock (stateLock)
            this.step = step;
    }

    /// <inheritdoc/>
    public void EpochEnded(Curves curves, TimeSpan remaining)
    {
        lock (stateLock)
            this.curves = new Curves(curves.Epochs);
    }

    /// <inheritdoc/>
    public void Noted(string line)
    {
        if (over.IsSet)
        {
            console.WriteLine(line);
            return;
        }

        lock (stateLock)
            note = line;
    }

    /// <inheritdoc/>
    public void Warned(string line)
    {
        lock (stateLock)
            warning = line;
    }

    /// <inheritdoc/>
    public void Ended()
    {
        over.Set();
        drawing.GetAwaiter().GetResult();
    }

    private void Redraw(LiveDisplayContext display)
    {
        bool last;
        do
        {
            last = over.Wait(Interval);
            display.UpdateTarget(Draw());
        }
        while (!last);
    }

    private Rows Draw()
    {
        lock (stateLock)
        {
            List<IRenderable> parts = [.. overview!.Lines.Select(line => new Text(line, new Style(Color.Grey)))];
            if (step is { } s)
                parts.Add(Bar(s));
            if (curves is { Epochs.Count: > 0 } c)
            {
                parts.Add(Epochs(c));
                parts.Add(Classes(c.Epochs[^1]));
                if (c.Epochs[^1].Load is { } load)
                    parts.Add(new Text(ProgressText.Load(load, c.Epochs[^1].Seconds), new Style(Color.Grey)));
            }

            if (warning.Length > 0)
                parts.Add(new Text(warning, new Style(Color.Yellow)));
            if (note.Length > 0)
                parts.Add(new Text(note, new Style(Color.Grey)));
            return new Rows(parts);
        }
    }

    private Markup Bar(TrainingStep s)
    {
        var training = s.Batch.Purpose == BatchPurpose.Training;
        var done = s.Batch.Iteration + 1;
        var filled = BarWidth * done / s.Iterations;
        var colour = training ? "deepskyblue1" : "green";
        var left = s.Remaining is { } remaining ? $", {ProgressText.Duration(remaining)} left" : "";
        return new Markup(
            $"epoch [bold]{s.Batch.Epoch + 1}[/]/{overview!.Epochs}  "
            + $"[{colour}]{new string('━', filled)}[/][grey35]{new string('━', BarWidth - filled)}[/]  "
            + $"{(training ? "training" : "validation")} {done}/{s.Iterations}, loss {ProgressText.Number(s.Loss)}{left}");
    }

    private static Spectre.Console.Table Epochs(Curves curves)
    {
        var table = new Spectre.Console.Table().Border(TableBorder.Rounded);
        foreach (var column in (string[])["epoch", "training loss", "validation loss", "pseudo Dice", "average", "learning rate", "time"])
            table.AddColumn(new Spectre.Console.TableColumn(column).RightAligned());
        foreach (var epoch in curves.Epochs.Skip(curves.Epochs.Count - ShownEpochs))
        {
            table.AddRow(
                $"{epoch.Epoch + 1}",
                ProgressText.Number(epoch.TrainingLoss),
                ProgressText.Number(epoch.ValidationLoss),
                ProgressText.Number(epoch.MeanPseudoDice),
                ProgressText.Number(epoch.AveragePseudoDice),
                $"{epoch.LearningRate:0.000000}",
                ProgressText.Duration(TimeSpan.FromSeconds(epoch.Seconds)));
        }

        return table;
    }

    private Grid Classes(EpochResult epoch)
    {
        var grid = new Grid().AddColumns(3);
        foreach (var (name, dice) in overview!.Classes.Zip(epoch.PseudoDice).Take(ShownClasses))
        {
            var filled = double.IsNaN(dice) ? 0 : (int)Math.Round(dice * BarWidth);
            grid.AddRow(
                new Text(name),
                new Markup($"[green]{new string('━', filled)}[/][grey35]{new string('━', BarWidth - filled)}[/]"),
                new Text(ProgressText.Number(dice)));
        }

        return overview.Classes.Count > ShownClasses
            ? grid.AddRow(new Text($"and {overview.Classes.Count - ShownClasses} more"), new Text(""), new Text(""))
            : grid;
    }
}
