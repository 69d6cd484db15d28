using System.Runtime.InteropServices;

namespace MedSegDsl.Kernels;

/// <summary>
/// How libtorch chooses among cuDNN's convolutions: by rules of thumb, or by timing them at the first call of each shape, which PyTorch
/// calls <c>torch.backends.cudnn.benchmark</c> and nnU-Net turns on. TorchSharp has no word for it.
/// </summary>
public static unsafe class CudnnChoice
{
    /// <summary>
    /// Lets libtorch time them from now on. Two processes may then choose different ones, whose results differ in the last bits. A
    /// libtorch without the switch goes on with its rules.
    /// </summary>
    public static void ByTiming()
    {
        var library = DynamicLinker.Open(Path.Combine(NativeLibtorch.Load().Folder, "libtorch_cpu.so"), global: false, out _);
        if (library != 0
            && NativeLibrary.TryGetExport(library, "_ZN2at13globalContextEv", out var context)
            && NativeLibrary.TryGetExport(library, "_ZN2at7Context17setBenchmarkCuDNNEb", out var choose))
        {
            ((delegate* unmanaged<nint, byte, void>)choose)(((delegate* unmanaged<nint>)context)(), 1);
        }
    }
}
