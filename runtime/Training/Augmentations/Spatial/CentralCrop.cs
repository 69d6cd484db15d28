using TorchSharp;
using static TorchSharp.torch;

namespace MedSegDsl.Runtime.Training.Augmentations.Spatial;

/// <summary>The middle of a volume: along each axis from floor(n/2) − floor(p/2) (acvl_utils, crop_tensor).</summary>
public static class CentralCrop
{
    /// <summary>Cuts the middle; where the volume is shorter than the patch, it is filled up.</summary>
    /// <param name="volumes">(…, D, H, W) or (…, H, W).</param>
    /// <param name="size">Voxels to keep along each axis.</param>
    /// <param name="outside">What is filled in.</param>
    /// <returns>A view where nothing is filled in.</returns>
    public static Tensor Apply(Tensor volumes, IReadOnlyList<int> size, double outside)
    {
        using var scope = NewDisposeScope();
        var result = volumes.alias();
        var first = volumes.shape.Length - size.Count;
        for (var i = 0; i < size.Count; i++)
        {
            var (axis, length) = (first + i, volumes.shape[first + i]);
            var start = length / 2 - size[i] / 2;
            var (before, after) = (Math.Max(0, -start), Math.Max(0, start + size[i] - length));
            if (before + after > 0)
            {
                // Padding is written for the last axis first.
                var padding = new long[2 * (size.Count - i)];
                (padding[^2], padding[^1]) = (before, after);
                result = nn.functional.pad(result, padding, PaddingModes.Constant, outside);
            }

            result = result.narrow(axis, start + before, size[i]);
        }

        return result.MoveToOuterDisposeScope();
    }
}
