using System.Globalization;
using MedSegDsl.Runtime.Files;
using MedSegDsl.Runtime.Imaging;
using SkiaSharp;

namespace MedSegDsl.Runtime.Pictures;

/// <summary>
/// A picture of one case for a paper or a report: image, reference and prediction side by side in an axial, a coronal and a
/// sagittal slice or in chosen slices, all in one scale of millimetres, with a legend of classes and their Dice.
/// </summary>
public static class OverlayPicture
{
    private const int PanelWidth = 440;
    private const double LargestPanelHeight = 640;
    private const int Gap = 8;
    private const int Margin = 36;
    private const int RowLabelWidth = 44;
    private const int HeaderHeight = 44;
    private const float TextSize = 22;

    /// <summary>Writes the picture as PNG, on white, at a width that prints at 300 dots per inch over a page's text.</summary>
    /// <param name="path">The file.</param>
    /// <param name="content">What it shows.</param>
    /// <exception cref="UserException">
    /// The volumes have different shapes, a chosen slice is not there, or the file cannot be written.
    /// </exception>
    public static void Write(string path, OverlayCase content)
    {
        foreach (var labels in new[] { content.Prediction, content.Reference })
        {
            if (labels is not null && !labels.Shape.AsSpan().SequenceEqual(content.Image.Shape))
            {
                throw new UserException($"{path}: the label map's shape {string.Join(" × ", labels.Shape)} "
                    + $"is not the image's {string.Join(" × ", content.Image.Shape)}");
            }
        }

        var volumes = OverlayVolumes.Of(content);
        var legend = new OverlayLegend(content, volumes);
        using var surface = Render(content, volumes, legend);
        using var image = surface.Snapshot();
        using var data = image.Encode(SKEncodedImageFormat.Png, 100);
        AtomicFile.Write(path, stream => data.SaveTo(stream));
    }

    private static SKSurface Render(OverlayCase content, OverlayVolumes volumes, OverlayLegend legend)
    {
        var sizes = volumes.Slices.Select(slice => slice.Plane.SizeInMm(volumes.Shape, volumes.Spacing)).ToArray();
        var scale = Math.Min(PanelWidth / sizes.Max(size => size.Width), LargestPanelHeight / sizes.Max(size => size.Height));
        int[] heights = [.. sizes.Select(size => (int)Math.Round(size.Height * scale))];
        var columns = volumes.Columns;
        var titleHeight = content.Subtitle is null ? 56 : 92;
        var top = Margin + titleHeight + HeaderHeight;
        var right = Margin + RowLabelWidth + columns.Count * (PanelWidth + Gap);
        var panels = heights.Sum() + Gap * (heights.Length - 1);
        var height = top + Math.Max(panels, legend.Height) + Margin;
        var surface = SKSurface.Create(new SKImageInfo(right + Margin / 2 + legend.Width + Margin, height));
        var canvas = surface.Canvas;
        canvas.Clear(SKColors.White);
        using var text = new PictureText();
        text.Draw(canvas, content.Title, Margin, Margin + 28, 34, bold: true);
        if (content.Subtitle is not null)
            text.Draw(canvas, content.Subtitle, Margin, Margin + 66, TextSize, colour: PictureText.Grey);
        for (var column = 0; column < columns.Count; column++)
        {
            var middle = Margin + RowLabelWidth + column * (PanelWidth + Gap) + PanelWidth / 2f;
            text.Draw(canvas, columns[column].Name, middle, top - 16, TextSize + 2, SKTextAlign.Center, bold: true);
        }

        float y = top;
        for (var row = 0; row < heights.Length; row++)
        {
            DrawRowLabel(canvas, text, volumes.Slices[row], volumes.Shape, y + heights[row] / 2f);
            for (var column = 0; column < columns.Count; column++)
            {
                var x = Margin + RowLabelWidth + column * (PanelWidth + Gap);
                var cell = SKRect.Create(x, y, PanelWidth, heights[row]);
                var width = (float)(sizes[row].Width * scale);
                var place = SKRect.Create(x + (PanelWidth - width) / 2, y, width, heights[row]);
                DrawPanel(canvas, cell, place, volumes, volumes.Slices[row], columns[column].Labels, legend.Colours);
                DrawSides(canvas, text, cell, volumes.Slices[row].Plane.Sides);
                if (row == 0 && column == 0)
                    DrawScaleBar(canvas, text, cell, scale);
            }

            y += heights[row] + Gap;
        }

        legend.Draw(canvas, text, right + Margin / 2f, top);
        return surface;
    }

    private static void DrawPanel(
        SKCanvas canvas, SKRect cell, SKRect place, OverlayVolumes volumes, OverlaySlice slice,
        ImageArray<short>? labels, IReadOnlyDictionary<short, SKColor> colours)
    {
        using var black = new SKPaint { Color = SKColors.Black };
        canvas.DrawRect(cell, black);
        var (rows, columns) = slice.Plane.Size(volumes.Shape);
        var values = slice.Plane.Extract(volumes.Image, 0, slice.Index);
        using var grey = new SKBitmap(columns, rows, SKColorType.Rgba8888, SKAlphaType.Opaque);
        grey.Pixels = Array.ConvertAll(values, value =>
        {
            var level = volumes.Window.Grey(value);
            return new SKColor(level, level, level);
        });
        using var image = SKImage.FromBitmap(grey);
        canvas.Save();
        canvas.ClipRect(cell);
        canvas.DrawImage(image, place, new SKSamplingOptions(SKCubicResampler.Mitchell));
        if (labels is not null)
        {
            using var overlay = LabelOverlay.Draw(
                slice.Plane.Extract(labels, 0, slice.Index), columns, (int)place.Width, (int)place.Height, colours, 2);
            using var tint = SKImage.FromBitmap(overlay);
            canvas.DrawImage(tint, place, new SKSamplingOptions(SKFilterMode.Linear));
        }

        canvas.Restore();
    }

    private static void DrawRowLabel(SKCanvas canvas, PictureText text, OverlaySlice slice, int[] shape, float middle)
    {
        canvas.Save();
        canvas.RotateDegrees(-90, Margin + 20, middle);
        var label = string.Create(
            CultureInfo.InvariantCulture, $"{slice.Plane.Name}, slice {slice.Index + 1} of {slice.Plane.Count(shape)}");
        text.Draw(canvas, label, Margin + 20, middle + 8, TextSize, SKTextAlign.Center);
        canvas.Restore();
    }

    private static void DrawSides(SKCanvas canvas, PictureText text, SKRect cell, string sides)
    {
        (char Letter, float X, float Y)[] places =
        [
            (sides[0], cell.Left + 12, cell.MidY + 6),
            (sides[1], cell.Right - 12, cell.MidY + 6),
            (sides[2], cell.MidX, cell.Top + 20),
            (sides[3], cell.MidX, cell.Bottom - 8),
        ];
        foreach (var (letter, x, y) in places)
            text.DrawOnImage(canvas, letter.ToString(), x, y, SKTextAlign.Center);
    }

    private static void DrawScaleBar(SKCanvas canvas, PictureText text, SKRect cell, double scale)
    {
        // The longest round length that takes no more than a third of the panel.
        int[] lengths = [1, 2, 5, 10, 20, 50, 100, 200, 500];
        var length = lengths.LastOrDefault(mm => mm * scale <= cell.Width / 3, lengths[0]);
        var width = (float)(length * scale);
        var bar = SKRect.Create(cell.Left + 14, cell.Bottom - 18, width, 4);
        using var rim = new SKPaint { Color = SKColors.Black.WithAlpha(170) };
        using var paint = new SKPaint { Color = PictureText.Light };
        canvas.DrawRect(SKRect.Inflate(bar, 2, 2), rim);
        canvas.DrawRect(bar, paint);
        text.DrawOnImage(canvas, $"{length} mm", bar.Left, bar.Top - 8);
    }
}
