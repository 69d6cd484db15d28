using static TorchSharp.torch;

namespace MedSegDsl.Runtime.Training.Loading;

/// <summary>Patches that enter the network together. Whoever takes the batch disposes it.</summary>
/// <param name="Key">Which batch it is.</param>
/// <param name="Image">(B, C, D, H, W) in float32, on the CPU.</param>
/// <param name="Segmentation">(B, 1, D, H, W) in int16, on the CPU; −1 outside the image. In the second stage of a cascade the
/// first stage's is a second channel.</param>
/// <param name="Cases">The case that each patch comes from.</param>
/// <param name="Random">The batch's random numbers, for what is still to be drawn.</param>
public sealed record Batch(
    BatchKey Key, Tensor Image, Tensor Segmentation, IReadOnlyList<string> Cases, BatchRandom Random) : IDisposable
{
    /// <inheritdoc/>
    public void Dispose()
    {
        Image.Dispose();
        Segmentation.Dispose();
    }
}
