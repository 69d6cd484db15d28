using SkiaSharp;

namespace MedSegDsl.Runtime.Pictures;

/// <summary>Draws a slice of labels: a tint inside, a line of full colour along the border.</summary>
internal static class LabelOverlay
{
    private const byte Tint = 96;

    /// <summary>The overlay at the size of the screen.</summary>
    /// <param name="labels">Labels of the slice, row by row.</param>
    /// <param name="columns">Columns of the slice.</param>
    /// <param name="width">Pixels.</param>
    /// <param name="height">Pixels.</param>
    /// <param name="colours">The colour of each label; labels without one are not drawn.</param>
    /// <param name="line">Width of the border in pixels.</param>
    public static SKBitmap Draw(
        short[] labels, int columns, int width, int height, IReadOnlyDictionary<short, SKColor> colours, int line)
    {
        var large = Enlarge(labels, columns, width, height);
        var pixels = new SKColor[width * height];
        for (var y = 0; y < height; y++)
        {
            for (var x = 0; x < width; x++)
            {
                var label = large[y * width + x];
                if (colours.TryGetValue(label, out var colour))
                    pixels[y * width + x] = colour.WithAlpha(IsBorder(large, width, height, x, y, line) ? (byte)255 : Tint);
            }
        }

        return new SKBitmap(width, height, SKColorType.Rgba8888, SKAlphaType.Unpremul) { Pixels = pixels };
    }

    /// <summary>
    /// The label whose mask, interpolated linearly, is largest at each pixel: borders as smooth as the image beneath,
    /// which is interpolated too, and nowhere more than half a voxel from the voxels' own.
    /// </summary>
    private static short[] Enlarge(short[] labels, int columns, int width, int height)
    {
        var rows = labels.Length / columns;
        var result = new short[width * height];
        Span<short> corner = stackalloc short[4];
        Span<double> weight = stackalloc double[4];
        for (var y = 0; y < height; y++)
        {
            var (top, bottom, v) = Between(y, height, rows);
            for (var x = 0; x < width; x++)
            {
                var (left, right, u) = Between(x, width, columns);
                corner[0] = labels[top * columns + left];
                corner[1] = labels[top * columns + right];
                corner[2] = labels[bottom * columns + left];
                corner[3] = labels[bottom * columns + right];
                weight[0] = (1 - v) * (1 - u);
                weight[1] = (1 - v) * u;
                weight[2] = v * (1 - u);
                weight[3] = v * u;
                result[y * width + x] = Heaviest(corner, weight);
            }
        }

        return result;
    }

    private static (int Low, int High, double Fraction) Between(int pixel, int pixels, int voxels)
    {
        var position = Math.Clamp((pixel + 0.5) * voxels / pixels - 0.5, 0, voxels - 1);
        var low = (int)position;
        return (low, Math.Min(low + 1, voxels - 1), position - low);
    }

    private static short Heaviest(ReadOnlySpan<short> labels, ReadOnlySpan<double> weights)
    {
        var best = labels[0];
        var most = -1.0;
        for (var i = 0; i < labels.Length; i++)
        {
            var sum = 0.0;
            for (var j = 0; j < labels.Length; j++)
                sum += labels[j] == labels[i] ? weights[j] : 0;
            if (sum > most)
                (best, most) = (labels[i], sum);
        }

        return best;
    }

    private static bool IsBorder(short[] labels, int width, int height, int x, int y, int line)
    {
        var label = labels[y * width + x];
        for (var dy = -line; dy <= line; dy++)
        {
            for (var dx = -line; dx <= line; dx++)
            {
                int px = x + dx, py = y + dy;
                if (dx * dx + dy * dy <= line * line && px >= 0 && py >= 0 && px < width && py < height
                    && labels[py * width + px] != label)
                    return true;
            }
        }

        return false;
    }
}
