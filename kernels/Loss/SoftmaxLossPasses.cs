using MedSegDsl.Kernels.Cuda;
using TorchSharp;
using static TorchSharp.torch;

namespace MedSegDsl.Kernels;

/// <summary>
/// Cross-entropy and soft Dice of exclusive classes in two passes over a class map on a GPU, where tensor operations take thirty. A
/// voxel counts unless it has the ignored label.
/// </summary>
public static class SoftmaxLossPasses
{
    /// <summary>Whether the passes take these: float32 logits (B, C, N) of up to 40 classes and int64 labels (B, 1, N), both on a GPU.</summary>
    public static bool Takes(Tensor logits, Tensor target) =>
        logits.device_type == DeviceType.CUDA && target.device_type == DeviceType.CUDA
        && logits.dtype == ScalarType.Float32 && target.dtype == ScalarType.Int64
        && logits.shape[1] <= CudaSoftmaxLoss.MostClasses;

    /// <summary>The sums over a sample's voxels, p = softmax of the logits.</summary>
    /// <param name="logits">(B, C, N).</param>
    /// <param name="target">Labels, (B, 1, N).</param>
    /// <param name="ignored">The label of voxels that do not count.</param>
    /// <returns>
    /// (B, 3·C + 2): of each class Σ p where it is the label, Σ p and the number of its voxels; then Σ −log p[label] and the
    /// number of voxels that count.
    /// </returns>
    public static Tensor Sums(Tensor logits, Tensor target, long? ignored)
    {
        using var scope = NewDisposeScope();
        return CudaSoftmaxLoss.Sums(logits.contiguous(), target.contiguous(), ignored).MoveToOuterDisposeScope();
    }

    /// <summary>The derivative of weight · Σ −log p[label] + Dice term by the logits.</summary>
    /// <param name="logits">(B, C, N).</param>
    /// <param name="target">Labels, (B, 1, N).</param>
    /// <param name="ignored">The label of voxels that do not count.</param>
    /// <param name="byIntersection">The Dice term's derivative by Σ p where a class is the label, (B, C); null without the term.</param>
    /// <param name="byPrediction">Its derivative by Σ p, (B, C).</param>
    /// <param name="weight">A voxel's weight in the cross-entropy: one number; null without it.</param>
    /// <returns>(B, C, N).</returns>
    public static Tensor Gradient(
        Tensor logits, Tensor target, long? ignored, Tensor? byIntersection, Tensor? byPrediction, Tensor? weight)
    {
        using var scope = NewDisposeScope();
        return CudaSoftmaxLoss
            .Gradient(logits.contiguous(), target.contiguous(), ignored, byIntersection?.contiguous(), byPrediction?.contiguous(), weight)
            .MoveToOuterDisposeScope();
    }
}
