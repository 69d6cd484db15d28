using static TorchSharp.torch;

namespace MedSegDsl.Runtime.Training.Augmentations;

/// <summary>A batch on its way through the steps of the augmentation.</summary>
/// <param name="image">(B, C, D, H, W) in float32, contiguous.</param>
/// <param name="segmentation">(B, S, D, H, W) in int16.</param>
public sealed class AugmentedBatch(Tensor image, Tensor segmentation)
{
    /// <summary>(B, C, D, H, W), or (B, C, H, W) in 2D, in float32, contiguous; changed in place or replaced.</summary>
    public Tensor Image { get; set; } = image;

    /// <summary>(B, S, D, H, W), or (B, S, H, W) in 2D, in int16; changed in place or replaced.</summary>
    public Tensor Segmentation { get; set; } = segmentation;

    /// <summary>Samples in the batch.</summary>
    public int Samples => (int)Image.shape[0];

    /// <summary>Channels of a sample's image.</summary>
    public int Channels => (int)Image.shape[1];

    /// <summary>Replaces image and segmentation of a sample by a rearrangement of their voxels, of the same size.</summary>
    /// <param name="sample">Which one.</param>
    /// <param name="rearrange">Takes and gives (C, D, H, W).</param>
    public void Rearrange(int sample, Func<Tensor, Tensor> rearrange)
    {
        foreach (var whole in new[] { Image, Segmentation })
        {
            var part = whole[sample];
            part.copy_(rearrange(part));
        }
    }
}
