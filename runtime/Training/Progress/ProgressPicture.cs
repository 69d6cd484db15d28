using System.Diagnostics;
using MedSegDsl.Runtime.Files;
using ScottPlot;

namespace MedSegDsl.Runtime.Training.Progress;

/// <summary>
/// <c>progress.png</c>, as nnU-Net draws it: losses and pseudo Dice, the time of an epoch, the learning rate. Drawn after
/// an epoch, but not more often than every 15 seconds, and at the end.
/// </summary>
/// <param name="path">The file; replaced whole.</param>
public sealed class ProgressPicture(string path) : ITrainingProgress
{
    private const int Width = 1200;
    private const int Height = 1350;

    // The same for the three plots, so that their epochs lie below one another.
    private const int AxisWidth = 80;
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(15);

    private Curves? curves;
    private Stopwatch? sinceDrawn;

    /// <inheritdoc/>
    public void Started(TrainingOverview overview) { }

    /// <inheritdoc/>
    public void Stepped(TrainingStep step) { }

    /// <inheritdoc/>
    public void EpochEnded(Curves curves, TimeSpan remaining)
    {
        this.curves = curves;
        if (sinceDrawn is null || sinceDrawn.Elapsed > Interval)
            DrawNow();
    }

    /// <inheritdoc/>
    public void Noted(string line) { }

    /// <inheritdoc/>
    public void Ended()
    {
        if (curves is not null)
            DrawNow();
    }

    private void DrawNow()
    {
        Draw(curves!, path);
        sinceDrawn = Stopwatch.StartNew();
    }

    /// <summary>Draws the curves.</summary>
    /// <param name="curves">At least one epoch.</param>
    /// <param name="path">The PNG file.</param>
    public static void Draw(Curves curves, string path)
    {
        double[] At(Func<EpochResult, double> value) => [.. curves.Epochs.Select(value)];
        var epochs = At(e => e.Epoch + 1);
        var multiplot = new Multiplot();
        multiplot.AddPlots(3);

        var losses = multiplot.GetPlot(0);
        Add(losses, epochs, At(e => e.TrainingLoss), "training loss", Colors.RoyalBlue);
        Add(losses, epochs, At(e => e.ValidationLoss), "validation loss", Colors.OrangeRed);
        var right = losses.Axes.Right;
        Add(losses, epochs, At(e => e.MeanPseudoDice), "pseudo Dice", Colors.MediumSeaGreen, right, LinePattern.Dotted);
        Add(losses, epochs, At(e => e.AveragePseudoDice), "pseudo Dice (moving average)", Colors.ForestGreen, right);
        right.Label.Text = "pseudo Dice";
        losses.Axes.SetLimitsY(0, 1, right);
        losses.Legend.Orientation = Orientation.Horizontal;
        losses.ShowLegend(Edge.Top);
        Finish(losses, "loss");

        var times = multiplot.GetPlot(1);
        Add(times, epochs, At(e => e.Seconds), "", Colors.RoyalBlue);
        Finish(times, "seconds");
        times.Axes.SetLimitsY(0, 1.1 * At(e => e.Seconds).Max());

        var rates = multiplot.GetPlot(2);
        Add(rates, epochs, At(e => e.LearningRate), "", Colors.RoyalBlue);
        Finish(rates, "learning rate");

        var png = multiplot.Render(Width, Height).GetImageBytes();
        AtomicFile.Write(path, stream => stream.Write(png));
    }

    private static void Add(
        Plot plot, double[] x, double[] y, string label, Color colour, IYAxis? axis = null, LinePattern? pattern = null)
    {
        var line = plot.Add.Scatter(x, y, colour);
        line.LegendText = label;
        line.LineWidth = 2;
        line.LinePattern = pattern ?? LinePattern.Solid;
        line.MarkerSize = x.Length > 50 ? 0 : 5;
        if (axis is not null)
            line.Axes.YAxis = axis;
    }

    private static void Finish(Plot plot, string label)
    {
        plot.XLabel("epoch");
        plot.YLabel(label);
        plot.Axes.Left.MinimumSize = AxisWidth;
        plot.Axes.Right.MinimumSize = AxisWidth;
        plot.Axes.Bottom.TickGenerator = new ScottPlot.TickGenerators.NumericAutomatic { IntegerTicksOnly = true };
    }
}
