using ScottPlot;

namespace MedSegDsl.Runtime.Pictures;

/// <summary>A network in the plot of a metric against cost.</summary>
/// <param name="Name">Its name.</param>
/// <param name="GFlops">Multiply–adds of a patch in thousands of millions.</param>
/// <param name="Parameters">Learned numbers: the area of its circle.</param>
/// <param name="Mean">The metric's mean over cases.</param>
/// <param name="Interval">The mean's confidence interval.</param>
public sealed record CostPoint(string Name, double GFlops, long Parameters, double Mean, (double Lower, double Upper) Interval);

/// <summary>A metric against the cost of a forward pass, a circle for each network.</summary>
public static class CostPicture
{
    private const int Height = 850;
    private const double LargestCircle = 46;
    private const double SmallestCircle = 12;

    /// <summary>Writes the picture.</summary>
    /// <param name="path">The PNG file.</param>
    /// <param name="title">The line above.</param>
    /// <param name="metric">Name of the metric.</param>
    /// <param name="points">At least one network.</param>
    /// <exception cref="UserException">The file cannot be written.</exception>
    public static void Write(string path, string title, string metric, IReadOnlyList<CostPoint> points)
    {
        var plot = PlotFile.Of(title, "multiply–adds of a patch (G); area of the circle: parameters", metric);
        double most = points.Max(point => point.Parameters);
        for (var i = 0; i < points.Count; i++)
        {
            var point = points[i];
            var rgb = ClassPalette.Of(i);
            var colour = new Color(rgb.Red, rgb.Green, rgb.Blue);
            if (double.IsFinite(point.Interval.Lower))
            {
                var interval = plot.Add.Line(point.GFlops, point.Interval.Lower, point.GFlops, point.Interval.Upper);
                interval.LineColor = Colors.Black.WithAlpha(.45);
                interval.LineWidth = 1.5f;
            }

            var size = Math.Max(SmallestCircle, LargestCircle * Math.Sqrt(point.Parameters / most));
            plot.Add.Marker(point.GFlops, point.Mean, MarkerShape.FilledCircle, (float)size, colour);
            var text = plot.Add.Text(
                string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{point.Name} ({point.Parameters / 1e6:F1} M)"),
                point.GFlops, point.Mean);
            text.LabelFontSize = 18;
            text.LabelAlignment = ScottPlot.Alignment.MiddleLeft;
            text.LabelBackgroundColor = Colors.White.WithAlpha(.7);
            text.OffsetX = (float)(size / 2 + 5);
        }

        SetLimits(plot, points);
        PlotFile.Write(plot, path, Height);
    }

    // Room for the names, which stand to the right of the circles.
    private static void SetLimits(Plot plot, IReadOnlyList<CostPoint> points)
    {
        var (left, right) = (points.Min(point => point.GFlops), points.Max(point => point.GFlops));
        var width = right > left ? right - left : Math.Max(right, 1);
        double[] ends = [.. points.SelectMany(point => new[] { point.Interval.Lower, point.Interval.Upper, point.Mean }).Where(double.IsFinite)];
        var (low, high) = (ends.Min(), ends.Max());
        var height = high > low ? high - low : 0.1;
        plot.Axes.SetLimits(Math.Max(0, left - 0.1 * width), right + 0.45 * width, low - 0.1 * height, high + 0.1 * height);
    }
}
