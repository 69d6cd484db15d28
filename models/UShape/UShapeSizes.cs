namespace MedSegDsl.Models;

/// <summary>The sizes of the volumes in a U-shape for an input of one size.</summary>
public static class UShapeSizes
{
    /// <summary>
    /// The stem's output, then that of every encoder stage. Every convolution has an odd kernel and same padding, so a stride
    /// of s leaves ⌈size / s⌉.
    /// </summary>
    public static IReadOnlyList<Size3> Of(Network network, Size3 patch)
    {
        var sizes = new List<Size3> { Shrink(patch, network.Stem.Stride) };
        foreach (var stage in network.Encoder)
        {
            sizes.Add(Shrink(sizes[^1], stage.Stride));
        }

        return sizes;
    }

    private static Size3 Shrink(Size3 size, Size3 stride) =>
        new(Shrink(size.D, stride.D), Shrink(size.H, stride.H), Shrink(size.W, stride.W));

    private static int Shrink(int size, int stride) => (size + stride - 1) / stride;
}
