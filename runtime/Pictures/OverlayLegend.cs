using System.Globalization;
using SkiaSharp;

namespace MedSegDsl.Runtime.Pictures;

/// <summary>The legend of an overlay picture: colour, name and Dice of each class, and the mean.</summary>
internal sealed class OverlayLegend
{
    private const int MostRows = 26;
    private const int RowHeight = 38;
    private const float TextSize = 22;
    private const int NameOffset = 44;
    private readonly OverlayClass[] shown;
    private readonly int hidden;
    private readonly double? mean;
    private readonly float nameWidth;

    /// <summary>The legend of a case. Where it has more classes than fit, those that its slices show come first.</summary>
    public OverlayLegend(OverlayCase content, OverlayVolumes volumes)
    {
        Colours = content.Classes.Select((one, i) => (one.Label, Colour: ClassPalette.Of(i)))
            .DistinctBy(pair => pair.Label)
            .ToDictionary(pair => (short)pair.Label, pair => pair.Colour);
        var visible = volumes.Columns.Where(column => column.Labels is not null)
            .SelectMany(column => volumes.Slices.SelectMany(slice =>
                slice.Plane.Extract(column.Labels!, 0, slice.Index).Distinct()))
            .ToHashSet();
        shown = content.Classes.Count <= MostRows
            ? [.. content.Classes]
            : [.. content.Classes.OrderByDescending(one => visible.Contains((short)one.Label)).Take(MostRows - 1)];
        hidden = content.Classes.Count - shown.Length;
        var known = content.Classes.Select(one => one.Dice).OfType<double>().Where(dice => !double.IsNaN(dice)).ToArray();
        mean = known.Length == 0 ? null : known.Average();
        using var text = new PictureText();
        nameWidth = shown.Select(one => text.Width(Readable(one.Name), TextSize)).Append(120).Max();
        var hasDice = content.Classes.Any(one => one.Dice is not null);
        Width = (int)(NameOffset + nameWidth + (hasDice ? 100 : 0));
        HasDice = hasDice;
    }

    /// <summary>The colour of each label.</summary>
    public IReadOnlyDictionary<short, SKColor> Colours { get; }

    /// <summary>Pixels.</summary>
    public int Width { get; }

    /// <summary>Pixels.</summary>
    public int Height => RowHeight * (shown.Length + (hidden > 0 ? 1 : 0) + (mean is null ? 0 : 1));

    private bool HasDice { get; }

    /// <summary>Draws it with its first row at a place.</summary>
    public void Draw(SKCanvas canvas, PictureText text, float left, float top)
    {
        if (HasDice)
            text.Draw(canvas, "Dice", left + Width, top - 16, TextSize + 2, SKTextAlign.Right, bold: true);
        var y = top;
        foreach (var one in shown)
        {
            DrawSwatch(canvas, left, y, Colours[(short)one.Label]);
            text.Draw(canvas, Readable(one.Name), left + NameOffset, y + 25, TextSize);
            DrawDice(canvas, text, one.Dice, left, y, bold: false);
            y += RowHeight;
        }

        if (hidden > 0)
        {
            text.Draw(canvas, $"and {hidden} more", left + NameOffset, y + 25, TextSize, colour: PictureText.Grey);
            y += RowHeight;
        }

        if (mean is null)
            return;
        using var line = new SKPaint { Color = PictureText.Grey, StrokeWidth = 1.5f };
        canvas.DrawLine(left, y + 2, left + Width, y + 2, line);
        text.Draw(canvas, "Mean", left + NameOffset, y + 29, TextSize, bold: true);
        DrawDice(canvas, text, mean, left, y + 4, bold: true);
    }

    private void DrawDice(SKCanvas canvas, PictureText text, double? dice, float left, float y, bool bold)
    {
        if (dice is not { } value)
            return;
        var number = double.IsNaN(value) ? "–" : value.ToString("0.000", CultureInfo.InvariantCulture);
        text.Draw(canvas, number, left + Width, y + 25, TextSize, SKTextAlign.Right, bold);
    }

    /// <summary>dataset.json often has underscores for spaces.</summary>
    private static string Readable(string name) => name.Replace('_', ' ');

    private static void DrawSwatch(SKCanvas canvas, float left, float y, SKColor colour)
    {
        var box = SKRect.Create(left + 1, y + 7, 28, 22);
        using var fill = new SKPaint { Color = colour };
        canvas.DrawRect(box, fill);
    }
}
