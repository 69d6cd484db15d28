namespace MedSegDsl.Kernels.Cuda;

/// <summary>The memory of the GPU that is current.</summary>
public static class GpuMemory
{
    /// <summary>
    /// Bytes in use, by all programs: what libtorch once had stays with it, so that a difference is a peak.
    /// </summary>
    /// <exception cref="CudaException">No GPU is in use on this thread.</exception>
    public static long Used()
    {
        var (free, total) = CudaDriver.Memory();
        return total - free;
    }

    /// <summary>All bytes of it.</summary>
    /// <exception cref="CudaException">No GPU is in use on this thread.</exception>
    public static long Total() => CudaDriver.Memory().Total;
}
