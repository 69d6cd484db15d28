using System.Runtime.InteropServices;
using static TorchSharp.torch;

namespace MedSegDsl.Kernels.Cuda;

/// <summary>Addresses of tensors' memory on a GPU.</summary>
internal static partial class DeviceMemory
{
    /// <summary>The address of a tensor's first element; zero for no tensor. The caller keeps the tensor alive.</summary>
    public static nint Address(Tensor? tensor) => tensor is null ? 0 : THSTensor_data(tensor.Handle);

    [LibraryImport("LibTorchSharp")]
    private static partial nint THSTensor_data(nint handle);
}
