namespace MedSegDsl.Kernels.Cuda;

/// <summary>A compiled kernel on one device. Its one argument is a structure that its source declares in the same way.</summary>
internal sealed unsafe class Kernel
{
    private readonly CudaDevice device;
    private readonly nint function;
    private readonly string name;

    /// <summary>A kernel whose blocks may use all of the device's shared memory.</summary>
    public Kernel(CudaDevice device, nint function, string name)
    {
        this.device = device;
        this.function = function;
        this.name = name;
        CudaDriver.AllowSharedMemory(function, device.SharedMemory - CudaDriver.StaticSharedMemory(function));
    }

    /// <summary>Launches it on the default stream, in order with libtorch's work.</summary>
    /// <param name="grid">The number of blocks.</param>
    /// <param name="threads">Threads of a block.</param>
    /// <param name="sharedMemory">Dynamic shared memory of a block, in bytes.</param>
    /// <param name="argument">The argument.</param>
    public void Launch<T>(Grid grid, int threads, int sharedMemory, T argument)
        where T : unmanaged
    {
        if (grid.Y > ushort.MaxValue || grid.Z > ushort.MaxValue || grid.X > int.MaxValue)
        {
            throw new CudaException($"{name}: {grid} blocks are more than a launch can have; use a smaller batch.");
        }
        using var entered = device.Enter();
        CudaDriver.Launch(function, grid, threads, sharedMemory, &argument);
    }
}
