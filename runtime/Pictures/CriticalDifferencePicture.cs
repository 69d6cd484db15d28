using System.Globalization;
using MedSegDsl.Runtime.Files;
using MedSegDsl.Runtime.Statistics;
using SkiaSharp;

namespace MedSegDsl.Runtime.Pictures;

/// <summary>
/// The critical-difference diagram of challenge reports (Demšar, JMLR 2006): methods on an axis of mean ranks, the best at
/// the left; a bar joins those that do not differ significantly.
/// </summary>
public static class CriticalDifferencePicture
{
    private const int AxisLength = 760;
    private const int AxisTop = 170;
    private const int Margin = 40;
    private const int RowHeight = 42;
    private const int BarHeight = 18;
    private const int RoomForDifference = 300;
    private const float TextSize = 24;

    /// <summary>Writes the picture.</summary>
    /// <param name="path">The PNG file.</param>
    /// <param name="title">The line above.</param>
    /// <param name="names">The methods.</param>
    /// <param name="ranks">Their mean ranks; at least two methods and one case.</param>
    /// <exception cref="UserException">The file cannot be written.</exception>
    public static void Write(string path, string title, IReadOnlyList<string> names, RankTable ranks)
    {
        using var surface = Render(title, names, ranks);
        using var image = surface.Snapshot();
        using var data = image.Encode(SKEncodedImageFormat.Png, 100);
        AtomicFile.Write(path, stream => data.SaveTo(stream));
    }

    /// <summary>The groups of methods that do not differ by the critical difference, as ranges of the sorted methods; none is part of another.</summary>
    /// <param name="sorted">Mean ranks, ascending.</param>
    /// <param name="difference">The critical difference.</param>
    public static IReadOnlyList<(int First, int Last)> Groups(IReadOnlyList<double> sorted, double difference)
    {
        List<(int First, int Last)> groups = [];
        for (var first = 0; first < sorted.Count; first++)
        {
            var last = first;
            while (last + 1 < sorted.Count && sorted[last + 1] - sorted[first] < difference)
                last++;
            if (last > first && (groups.Count == 0 || last > groups[^1].Last))
                groups.Add((first, last));
        }

        return groups;
    }

    private static SKSurface Render(string title, IReadOnlyList<string> names, RankTable ranks)
    {
        int[] order = [.. Enumerable.Range(0, names.Count).OrderBy(i => ranks.MeanRanks[i])];
        double[] sorted = [.. order.Select(i => ranks.MeanRanks[i])];
        string[] labels = [.. order.Select(i => string.Create(CultureInfo.InvariantCulture, $"{names[i]}  {ranks.MeanRanks[i]:F2}"))];
        var difference = ranks.CriticalDifference();
        var groups = Groups(sorted, difference);
        using var text = new PictureText();
        var side = Margin + (int)labels.Max(label => text.Width(label, TextSize)) + 24;
        var left = (labels.Length + 1) / 2;
        var rows = AxisTop + 30 + groups.Count * BarHeight;
        var note = string.Create(
            CultureInfo.InvariantCulture,
            $"mean ranks over {ranks.Cases} cases; Friedman test p = {ranks.PValue:G2}; bars join what does not differ (Nemenyi, 0.05)");
        var length = (int)(difference / Math.Max(1, names.Count - 1) * AxisLength);
        int[] widths = [2 * side + AxisLength, 2 * Margin + (int)text.Width(note, 20), side + length + RoomForDifference];
        var surface = SKSurface.Create(new SKImageInfo(widths.Max(), rows + left * RowHeight + 70));
        var canvas = surface.Canvas;
        canvas.Clear(SKColors.White);
        float X(double rank) => side + (float)((rank - 1) / Math.Max(1, names.Count - 1) * AxisLength);
        text.Draw(canvas, title, Margin, Margin + 20, 28, bold: true);
        DrawAxis(canvas, text, names.Count, X);
        DrawDifference(canvas, text, difference, X(1), length);
        for (var g = 0; g < groups.Count; g++)
        {
            var y = AxisTop + 22 + g * BarHeight;
            Line(canvas, X(sorted[groups[g].First]) - 5, y, X(sorted[groups[g].Last]) + 5, y, 7);
        }

        for (var i = 0; i < labels.Length; i++)
        {
            var isLeft = i < left;
            var y = rows + RowHeight * (isLeft ? i + 1 : labels.Length - i);
            var end = isLeft ? side - 8 : side + AxisLength + 8;
            Line(canvas, X(sorted[i]), AxisTop, X(sorted[i]), y, 2);
            Line(canvas, X(sorted[i]), y, end, y, 2);
            text.Draw(canvas, labels[i], isLeft ? end - 8 : end + 8, y + 8, TextSize, isLeft ? SKTextAlign.Right : SKTextAlign.Left);
        }

        text.Draw(canvas, note, Margin, rows + left * RowHeight + 50, 20, colour: PictureText.Grey);
        return surface;
    }

    private static void DrawAxis(SKCanvas canvas, PictureText text, int methods, Func<double, float> x)
    {
        Line(canvas, x(1), AxisTop, x(Math.Max(2, methods)), AxisTop, 2);
        for (var rank = 1; rank <= methods; rank++)
        {
            Line(canvas, x(rank), AxisTop - 10, x(rank), AxisTop, 2);
            text.Draw(canvas, $"{rank}", x(rank), AxisTop - 18, TextSize, SKTextAlign.Center);
        }
    }

    private static void DrawDifference(SKCanvas canvas, PictureText text, double difference, float start, float length)
    {
        const float y = AxisTop - 62;
        Line(canvas, start, y, start + length, y, 3);
        Line(canvas, start, y - 7, start, y + 7, 3);
        Line(canvas, start + length, y - 7, start + length, y + 7, 3);
        text.Draw(
            canvas, string.Create(CultureInfo.InvariantCulture, $"critical difference {difference:F2}"), start + length + 14, y + 8, 20);
    }

    private static void Line(SKCanvas canvas, float x0, float y0, float x1, float y1, float width)
    {
        using var paint = new SKPaint { Color = SKColors.Black, IsAntialias = true, Style = SKPaintStyle.Stroke, StrokeWidth = width };
        canvas.DrawLine(x0, y0, x1, y1, paint);
    }
}
