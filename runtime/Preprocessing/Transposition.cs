using MedSegDsl.Runtime.Imaging;

namespace MedSegDsl.Runtime.Preprocessing;

/// <summary>Exchanges the axes of volumes, as nnU-Net's transpose_forward and transpose_backward ask
/// for.</summary>
public static class Transposition
{
    /// <summary>Axis i of the result is axis order[i] of the volume; the identity returns the volume
    /// itself.</summary>
    public static ImageArray<T> Apply<T>(ImageArray<T> image, IReadOnlyList<int> order) where T : unmanaged
    {
        if (order is [0, 1, 2])
            return image;
        var result = new ImageArray<T>(image.Channels, Apply(image.Shape, order));
        for (var channel = 0; channel < image.Channels; channel++)
            Apply(image.Channel(channel), image.Shape, result.Channel(channel), order);
        return result;
    }

    /// <summary>Reorders one value per axis, for example a shape or a spacing.</summary>
    public static T[] Apply<T>(IReadOnlyList<T> perAxis, IReadOnlyList<int> order) =>
        [.. order.Select(axis => perAxis[axis])];

    /// <summary>The order that undoes another.</summary>
    public static int[] Inverse(IReadOnlyList<int> order) =>
        [.. Enumerable.Range(0, order.Count).Select(axis => order.ToList().IndexOf(axis))];

    /// <summary>Copies (z, y, x) of one channel into the transposed place.</summary>
    internal static void Apply<T>(ReadOnlySpan<T> source, int[] shape, Span<T> target, IReadOnlyList<int> order)
        where T : unmanaged
    {
        int[] strides = [shape[1] * shape[2], shape[2], 1];
        var (outer, middle, inner) = (strides[order[0]], strides[order[1]], strides[order[2]]);
        int depth = shape[order[0]], height = shape[order[1]], width = shape[order[2]];
        for (var a = 0; a < depth; a++)
            for (var b = 0; b < height; b++)
            {
                var row = target.Slice((a * height + b) * width, width);
                var from = a * outer + b * middle;
                for (var c = 0; c < row.Length; c++, from += inner)
                    row[c] = source[from];
            }
    }
}
