using MedSegDsl.Runtime.Training.Loading;
using static TorchSharp.torch;

namespace MedSegDsl.Runtime.Training.Augmentations;

/// <summary>Patches as they are.</summary>
/// <param name="patch">The network's patch.</param>
public sealed class NoAugmentation(IReadOnlyList<int> patch) : IAugmentation
{
    /// <inheritdoc/>
    public IReadOnlyList<int> InitialPatch => patch;

    /// <inheritdoc/>
    public IReadOnlyList<int> MirrorAxes => [];

    /// <inheritdoc/>
    public (Tensor Image, Tensor Segmentation) Apply(Tensor image, Tensor segmentation, BatchRandom random) =>
        (image, segmentation);
}
