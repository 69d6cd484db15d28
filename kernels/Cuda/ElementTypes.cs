using TorchSharp;
using static TorchSharp.torch;

namespace MedSegDsl.Kernels.Cuda;

/// <summary>The tensors that the kernels take.</summary>
internal static class ElementTypes
{
    /// <summary>Whether all are on one GPU and of types that the kernels read: float32, bfloat16, float16.</summary>
    public static bool AreSupported(params ReadOnlySpan<Tensor?> tensors)
    {
        var device = -1;
        foreach (var tensor in tensors)
        {
            if (tensor is null)
            {
                continue;
            }
            if (tensor.device_type != DeviceType.CUDA || Number(tensor.dtype) < 0 || (device >= 0 && tensor.device_index != device))
            {
                return false;
            }
            device = tensor.device_index;
        }
        return device >= 0;
    }

    /// <summary>A type's number in the kernels' constant TYPE; negative for one that they do not read.</summary>
    public static int Number(ScalarType type) => type switch
    {
        ScalarType.Float32 => 0,
        ScalarType.BFloat16 => 1,
        ScalarType.Float16 => 2,
        _ => -1,
    };

    /// <summary>A parameter as the kernels read it: float32, contiguous.</summary>
    public static Tensor? Parameter(Tensor? tensor) =>
        tensor is null || (tensor.dtype == ScalarType.Float32 && tensor.is_contiguous()) ? tensor : tensor.to(ScalarType.Float32).contiguous();

    /// <summary>The tensor in a type: itself where it has that type, without a call to libtorch.</summary>
    public static Tensor In(this Tensor tensor, ScalarType type) => tensor.dtype == type ? tensor : tensor.to(type);
}
