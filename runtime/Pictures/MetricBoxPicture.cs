using MathNet.Numerics.Statistics;
using ScottPlot;

namespace MedSegDsl.Runtime.Pictures;

/// <summary>
/// Box plots of a metric: a row for each class or network, with median, quartiles, whiskers to the last value within 1.5
/// times the quartiles' distance (Tukey), and the values beyond.
/// </summary>
public static class MetricBoxPicture
{
    private const int RowHeight = 46;
    private const int Frame = 170;
    private const double HalfBox = 0.3;

    /// <summary>Writes the picture.</summary>
    /// <param name="path">The PNG file.</param>
    /// <param name="title">The line above.</param>
    /// <param name="metric">Name of the metric, with its unit.</param>
    /// <param name="rows">From top to bottom: a name and the values, of which only finite ones are drawn.</param>
    /// <exception cref="UserException">The file cannot be written.</exception>
    public static void Write(
        string path, string title, string metric, IReadOnlyList<(string Name, IReadOnlyList<double> Values)> rows)
    {
        var plot = PlotFile.Of(title, metric, "");
        var colour = Color.FromHex("56B4E9");
        for (var i = 0; i < rows.Count; i++)
        {
            double[] values = [.. rows[i].Values.Where(double.IsFinite).Order()];
            if (values.Length > 0)
                AddRow(plot, rows.Count - i, values, colour);
        }

        plot.Axes.Left.SetTicks(
            [.. rows.Select((_, i) => (double)(rows.Count - i))],
            [.. rows.Select(row => $"{row.Name} ({row.Values.Count(double.IsFinite)})")]);
        plot.Axes.Left.MajorTickStyle.Length = 0;
        plot.Grid.YAxisStyle.IsVisible = false;
        double[] all = [.. rows.SelectMany(row => row.Values).Where(double.IsFinite)];
        var (low, high) = all.Length == 0 ? (0, 1) : (all.Min(), all.Max());
        var margin = high > low ? 0.04 * (high - low) : 0.5;
        plot.Axes.SetLimits(low - margin, high + margin, 0.4, rows.Count + 0.6);
        PlotFile.Write(plot, path, Frame + RowHeight * rows.Count);
    }

    private static void AddRow(Plot plot, double y, double[] sorted, Color colour)
    {
        var (lower, upper) = (sorted.QuantileCustom(0.25, QuantileDefinition.R7), sorted.QuantileCustom(0.75, QuantileDefinition.R7));
        var reach = 1.5 * (upper - lower);
        Line(sorted.First(value => value >= lower - reach), y, lower, y);
        Line(upper, y, sorted.Last(value => value <= upper + reach), y);
        var box = plot.Add.Rectangle(lower, upper, y - HalfBox, y + HalfBox);
        box.FillColor = colour;
        box.LineColor = Colors.Black;
        box.LineWidth = 1.5f;
        var median = sorted.QuantileCustom(0.5, QuantileDefinition.R7);
        Line(median, y - HalfBox, median, y + HalfBox, 3);
        double[] beyond = [.. sorted.Where(value => value < lower - reach || value > upper + reach)];
        if (beyond.Length > 0)
            plot.Add.Markers(beyond, [.. beyond.Select(_ => y)], MarkerShape.OpenCircle, 8, Colors.Black);

        void Line(double x0, double y0, double x1, double y1, float width = 1.5f)
        {
            var line = plot.Add.Line(x0, y0, x1, y1);
            line.LineColor = Colors.Black;
            line.LineWidth = width;
        }
    }
}
