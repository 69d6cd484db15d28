using MedSegDsl.Runtime.Files;
using ScottPlot;

namespace MedSegDsl.Runtime.Pictures;

/// <summary>Plots for a page's width: type and lines that stay legible when printed.</summary>
internal static class PlotFile
{
    /// <summary>Pixels of all plots, which print at 200 dots per inch over a page's text.</summary>
    public const int Width = 1300;

    private const float TextSize = 22;

    /// <summary>A plot with a title and names of its axes, without lines at the top and the right.</summary>
    public static Plot Of(string title, string x, string y)
    {
        var plot = new Plot();
        plot.Font.Set("DejaVu Sans");
        plot.Title(title, TextSize + 2);
        plot.XLabel(x, TextSize);
        plot.YLabel(y, TextSize);
        foreach (var axis in new IAxis[] { plot.Axes.Bottom, plot.Axes.Left })
            axis.TickLabelStyle.FontSize = TextSize - 2;
        // Room for the half of the last tick's label that stands beyond the axis.
        plot.Axes.Right.MinimumSize = 2 * TextSize;
        plot.HideAxesAndGridOnFarSides();
        return plot;
    }

    /// <summary>Writes the plot as PNG.</summary>
    /// <exception cref="UserException">The file cannot be written.</exception>
    public static void Write(Plot plot, string path, int height)
    {
        var png = plot.GetImageBytes(Width, height, ImageFormat.Png);
        AtomicFile.Write(path, stream => stream.Write(png));
    }

    private static void HideAxesAndGridOnFarSides(this Plot plot)
    {
        plot.Axes.Top.FrameLineStyle.Width = 0;
        plot.Axes.Right.FrameLineStyle.Width = 0;
        plot.Grid.MajorLineColor = Colors.Black.WithAlpha(.12);
    }
}
