using static TorchSharp.torch;

namespace MedSegDsl.Models;

/// <summary>
/// The weights of 2D networks. The published code's are of (outputs, inputs, H, W); here a 2D network takes volumes of one
/// slice, and its kernels are (outputs, inputs, 1, H, W).
/// </summary>
public static class SliceWeights
{
    private const int Depth = 2;

    /// <summary>The weights of a file in the published shapes, inside a dispose scope of the caller.</summary>
    /// <param name="file">Weights whose patch, if it is known, tells a 2D network.</param>
    public static IReadOnlyDictionary<string, Tensor> AsPublished(WeightsFile file) => file.Patch is { D: 1 }
        ? file.Tensors.ToDictionary(entry => entry.Key, entry => IsFlat(entry.Value.shape) ? entry.Value.squeeze(Depth) : entry.Value)
        : file.Tensors;

    /// <summary>A published weight in the shape of a parameter; null where it does not have it but for the depth of 1.</summary>
    internal static Tensor? Fit(Tensor published, long[] wanted) =>
        IsFlat(wanted) && published.shape.SequenceEqual(wanted.Where((_, axis) => axis != Depth)) ? published.unsqueeze(Depth) : null;

    private static bool IsFlat(long[] shape) => shape.Length == 5 && shape[Depth] == 1;
}
