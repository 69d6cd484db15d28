namespace MedSegDsl.Kernels.Cuda;

/// <summary>A call to CUDA's driver or compiler failed, or one of them is missing. The message says which and why.</summary>
public class CudaException(string message) : Exception(message);
