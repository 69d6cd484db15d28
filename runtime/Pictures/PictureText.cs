using SkiaSharp;

namespace MedSegDsl.Runtime.Pictures;

/// <summary>Text in pictures, in the system's sans-serif font.</summary>
internal sealed class PictureText : IDisposable
{
    private readonly SKTypeface plain = SKTypeface.FromFamilyName("DejaVu Sans");
    private readonly SKTypeface bold = SKTypeface.FromFamilyName("DejaVu Sans", SKFontStyle.Bold);

    /// <summary>Secondary text on white.</summary>
    public static SKColor Grey { get; } = new(0x55, 0x55, 0x55);

    /// <summary>Text on images.</summary>
    public static SKColor Light { get; } = new(0xF2, 0xF2, 0xF2);

    /// <summary>Draws a line of text.</summary>
    /// <param name="canvas">Where.</param>
    /// <param name="text">The text.</param>
    /// <param name="x">The left, middle or right end, by <paramref name="align"/>.</param>
    /// <param name="y">The base line.</param>
    /// <param name="size">Height of the font in pixels.</param>
    /// <param name="align">What <paramref name="x"/> means.</param>
    /// <param name="bold">Bold.</param>
    /// <param name="colour">Black by default.</param>
    public void Draw(
        SKCanvas canvas, string text, float x, float y, float size,
        SKTextAlign align = SKTextAlign.Left, bool bold = false, SKColor? colour = null)
    {
        using var font = new SKFont(bold ? this.bold : plain, size) { Subpixel = true };
        using var paint = new SKPaint { Color = colour ?? SKColors.Black, IsAntialias = true };
        canvas.DrawText(text, x, y, align, font, paint);
    }

    /// <summary>Draws light text with a dark rim, legible on any image.</summary>
    /// <inheritdoc cref="Draw" />
    public void DrawOnImage(SKCanvas canvas, string text, float x, float y, SKTextAlign align = SKTextAlign.Left)
    {
        using var font = new SKFont(bold, 18) { Subpixel = true };
        using var rim = new SKPaint
        {
            Color = SKColors.Black.WithAlpha(170),
            IsAntialias = true,
            Style = SKPaintStyle.Stroke,
            StrokeWidth = 4,
            StrokeJoin = SKStrokeJoin.Round,
        };
        using var paint = new SKPaint { Color = Light, IsAntialias = true };
        canvas.DrawText(text, x, y, align, font, rim);
        canvas.DrawText(text, x, y, align, font, paint);
    }

    /// <summary>The width of a line of text in pixels.</summary>
    public float Width(string text, float size)
    {
        using var font = new SKFont(plain, size);
        return font.MeasureText(text);
    }

    /// <inheritdoc />
    public void Dispose()
    {
        plain.Dispose();
        bold.Dispose();
    }
}
