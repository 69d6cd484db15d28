using static TorchSharp.torch;

namespace MedSegDsl.Models;

/// <summary>
/// Nearest neighbours and a 1×1×1 convolution: (B, C, D, H, W) → (B, outputs, D·s, H·s, W·s) (UpsampleLayer of
/// bowang-lab/U-Mamba). The convolution comes first: copies of a voxel need it once.
/// </summary>
/// <param name="convolution">The convolution.</param>
/// <param name="stride">How many voxels one becomes along each axis.</param>
public sealed class NearestUpsampling(Convolution convolution, Size3 stride)
{
    /// <summary>Upsamples a volume.</summary>
    public Tensor Apply(Tensor volume)
    {
        using var scope = NewDisposeScope();
        var upsampled = nn.functional.interpolate(
            convolution.call(volume), scale_factor: [stride.D, stride.H, stride.W], mode: InterpolationMode.Nearest);
        return upsampled.MoveToOuterDisposeScope();
    }
}
