using MedSegDsl.Kernels.Cuda;
using static TorchSharp.torch;

namespace MedSegDsl.Kernels;

/// <summary>
/// Many tensors as one vector, end to end in row-major order: on a GPU one kernel takes float32 tensors together, where single
/// operations would keep it waiting for the host.
/// </summary>
public static class JoinedTensors
{
    /// <summary>Copies tensors of one type and device into a vector.</summary>
    public static Tensor Join(IReadOnlyList<Tensor> tensors) =>
        AreForGpu(tensors) ? CudaJoined.Join(tensors) : cat([.. tensors.Select(tensor => tensor.flatten())]);

    /// <summary>Adds a vector's parts to contiguous tensors, in place and unseen by autograd.</summary>
    /// <param name="vector">As many numbers as the tensors have together.</param>
    /// <param name="tensors">The tensors.</param>
    public static void Add(Tensor vector, IReadOnlyList<Tensor> tensors)
    {
        if (AreForGpu(tensors) && tensors.All(tensor => tensor.is_contiguous()))
        {
            CudaJoined.Add(vector, tensors);
            return;
        }
        using var noGradient = no_grad();
        foreach (var (tensor, part) in tensors.Zip(Split(vector, tensors)))
        {
            tensor.add_(part);
        }
    }

    /// <summary>A vector's parts, shaped like the tensors: views.</summary>
    public static IEnumerable<Tensor> Split(Tensor vector, IReadOnlyList<Tensor> tensors)
    {
        var start = 0L;
        foreach (var tensor in tensors)
        {
            var count = tensor.numel();
            yield return vector.narrow(0, start, count).view(tensor.shape);
            start += count;
        }
    }

    private static bool AreForGpu(IReadOnlyList<Tensor> tensors) =>
        ElementTypes.AreSupported(tensors.ToArray()) && tensors.All(tensor => tensor.dtype == ScalarType.Float32);
}
