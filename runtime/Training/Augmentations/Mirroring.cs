using MedSegDsl.Runtime.Training.Loading;
using static TorchSharp.torch;

namespace MedSegDsl.Runtime.Training.Augmentations;

/// <summary>Each sample is flipped along each allowed axis with a probability of ½, image and segmentation alike.</summary>
/// <param name="patch">The network's patch.</param>
/// <param name="axes">The allowed axes, 0 = z.</param>
public sealed class Mirroring(IReadOnlyList<int> patch, IReadOnlyList<int> axes) : IAugmentation
{
    /// <inheritdoc/>
    public IReadOnlyList<int> InitialPatch => patch;

    /// <inheritdoc/>
    public IReadOnlyList<int> MirrorAxes => axes;

    /// <inheritdoc/>
    public (Tensor Image, Tensor Segmentation) Apply(Tensor image, Tensor segmentation, BatchRandom random)
    {
        using var scope = NewDisposeScope();
        for (var sample = 0; sample < image.shape[0]; sample++)
        {
            // An axis of the volume is one further in a sample (C, D, H, W).
            var flipped = axes.Where(_ => random.Coin()).Select(axis => axis + 1L).ToArray();
            if (flipped.Length == 0)
                continue;
            foreach (var tensor in new[] { image[sample], segmentation[sample] })
                tensor.copy_(tensor.flip(flipped));
        }

        return (image, segmentation);
    }
}
