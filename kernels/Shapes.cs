using static TorchSharp.torch;

namespace MedSegDsl.Kernels;

/// <summary>Checks of operators' arguments, with messages that say which one, what it is and what it must be.</summary>
internal static class Shapes
{
    /// <summary>Requires a shape; no tensor is fine.</summary>
    public static void Require(Tensor? tensor, string name, long[] shape)
    {
        if (tensor is not null)
        {
            Require(tensor.shape.AsSpan().SequenceEqual(shape), name, tensor, $"({string.Join(", ", shape)})");
        }
    }

    /// <summary>Requires a condition on a tensor's shape.</summary>
    public static void Require(bool condition, string name, Tensor tensor, string expected)
    {
        if (!condition)
        {
            throw new ArgumentException($"{name} has the shape ({string.Join(", ", tensor.shape)}); it must be {expected}", name);
        }
    }
}
