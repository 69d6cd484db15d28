using static TorchSharp.torch;

namespace MedSegDsl.Runtime.Inference;

/// <summary>How a network is led over an image; nnU-Net's defaults.</summary>
/// <param name="Patch">Voxels of the network's patch along z, y, x, or y, x for a 2D network.</param>
/// <param name="MirrorAxes">
/// Axes of the patch (0 is its first) along which the input may be mirrored: the prediction is the mean over all
/// combinations. Empty without test-time augmentation.
/// </param>
public sealed record SlidingWindowOptions(IReadOnlyList<int> Patch, IReadOnlyList<int> MirrorAxes)
{
    /// <summary>The largest step between tiles as a share of the patch.</summary>
    public double StepFraction { get; init; } = 0.5;

    /// <summary>How many slices a 2D network takes together, at most; null for what suits the device.</summary>
    public int? Slices { get; init; }

    /// <summary>Whether a tile's border counts less than its centre.</summary>
    public bool UseGaussian { get; init; } = true;

    /// <summary>
    /// The type in which tiles are added up. Float16 is what nnU-Net uses: half the memory, and logits that are off by up
    /// to 0.5 at the corners of the volume, where the weights are subnormal.
    /// </summary>
    public ScalarType Accumulation { get; init; } = ScalarType.Float32;
}
