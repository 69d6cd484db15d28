using MedSegDsl.Runtime.Training.Loading;
using static TorchSharp.torch;

namespace MedSegDsl.Runtime.Training.Augmentations;

/// <summary>Random changes of a training batch, in tensor operations on the device where the network runs.</summary>
public interface IAugmentation
{
    /// <summary>What must be cut from the images so that the patch remains, voxels along z, y, x.</summary>
    IReadOnlyList<int> InitialPatch { get; }

    /// <summary>The axes (0 = z) that prediction may mirror: those that training mirrored.</summary>
    IReadOnlyList<int> MirrorAxes { get; }

    /// <summary>Changes a batch.</summary>
    /// <param name="image">(B, C, D, H, W) in float32, of the initial size; may be changed in place.</param>
    /// <param name="segmentation">(B, 1, D, H, W) in int16, −1 outside the image; may be changed in place.</param>
    /// <param name="random">The batch's random numbers.</param>
    /// <returns>The batch at the patch's size.</returns>
    (Tensor Image, Tensor Segmentation) Apply(Tensor image, Tensor segmentation, BatchRandom random);
}
