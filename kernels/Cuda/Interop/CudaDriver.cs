using System.Runtime.InteropServices;

namespace MedSegDsl.Kernels.Cuda;

/// <summary>The part of CUDA's driver API that kernels need. Nothing here is called on a machine without a GPU.</summary>
internal static unsafe partial class CudaDriver
{
    private const string Library = "libcuda.so.1";

    /// <summary>The driver's version, 13000 for 13.0.</summary>
    public static int Version { get; } = DriverVersion();

    /// <summary>An attribute of a device.</summary>
    public static int Attribute(int device, DeviceAttribute attribute)
    {
        int value;
        Check(cuDeviceGetAttribute(&value, attribute, device), nameof(cuDeviceGetAttribute));
        return value;
    }

    /// <summary>A device's primary context, the one that libtorch uses.</summary>
    public static nint PrimaryContext(int device)
    {
        nint context;
        Check(cuDevicePrimaryCtxRetain(&context, device), nameof(cuDevicePrimaryCtxRetain));
        return context;
    }

    /// <summary>The calling thread's context, zero for none.</summary>
    public static nint CurrentContext
    {
        get
        {
            nint context;
            Check(cuCtxGetCurrent(&context), nameof(cuCtxGetCurrent));
            return context;
        }

        set => Check(cuCtxSetCurrent(value), nameof(cuCtxSetCurrent));
    }

    /// <summary>Loads a cubin or PTX into the current context; zero where the driver refuses it.</summary>
    public static nint TryLoadModule(ReadOnlySpan<byte> image, out string error)
    {
        nint module;
        fixed (byte* data = image)
        {
            var result = cuModuleLoadData(&module, data);
            error = result == 0 ? "" : Describe(result);
            return result == 0 ? module : 0;
        }
    }

    /// <summary>A kernel of a module.</summary>
    public static nint Function(nint module, string name)
    {
        nint function;
        Check(cuModuleGetFunction(&function, module, name), $"{nameof(cuModuleGetFunction)} of {name}");
        return function;
    }

    /// <summary>The shared memory that a kernel declares itself, in bytes.</summary>
    public static int StaticSharedMemory(nint function)
    {
        int value;
        Check(cuFuncGetAttribute(&value, 1, function), nameof(cuFuncGetAttribute));
        return value;
    }

    /// <summary>Lets a kernel be launched with up to so many bytes of dynamic shared memory.</summary>
    public static void AllowSharedMemory(nint function, int bytes) =>
        Check(cuFuncSetAttribute(function, 8, bytes), nameof(cuFuncSetAttribute));

    /// <summary>Launches a kernel with one argument on the default stream, where libtorch's own work is.</summary>
    public static void Launch(nint function, Grid grid, int threads, int sharedMemory, void* argument)
    {
        var arguments = stackalloc void*[] { argument };
        var result = cuLaunchKernel(
            function, (uint)grid.X, (uint)grid.Y, (uint)grid.Z, (uint)threads, 1, 1, (uint)sharedMemory, 0, arguments, null);
        if (result != 0)
        {
            throw new CudaException(
                $"{nameof(cuLaunchKernel)} with grid {grid}, {threads} threads, {sharedMemory} bytes of shared memory: {Describe(result)}");
        }
    }

    /// <summary>The current device's free memory and all that it has, in bytes.</summary>
    public static (long Free, long Total) Memory()
    {
        nuint free, total;
        Check(cuMemGetInfo_v2(&free, &total), nameof(cuMemGetInfo_v2));
        return ((long)free, (long)total);
    }

    /// <summary>Tells a profiler that is attached to begin.</summary>
    public static void StartProfiler() => Check(cuProfilerStart(), nameof(cuProfilerStart));

    /// <summary>Tells a profiler that is attached to end.</summary>
    public static void StopProfiler() => Check(cuProfilerStop(), nameof(cuProfilerStop));

    private static int DriverVersion()
    {
        int version;
        Check(cuDriverGetVersion(&version), nameof(cuDriverGetVersion));
        return version;
    }

    private static void Check(int result, string call)
    {
        if (result != 0)
        {
            throw new CudaException($"{call}: {Describe(result)}");
        }
    }

    private static string Describe(int result)
    {
        byte* text;
        return cuGetErrorString(result, &text) == 0 ? $"{Marshal.PtrToStringUTF8((nint)text)} ({result})" : $"error {result}";
    }

    [LibraryImport(Library)]
    private static partial int cuDriverGetVersion(int* version);

    [LibraryImport(Library)]
    private static partial int cuMemGetInfo_v2(nuint* free, nuint* total);

    [LibraryImport(Library)]
    private static partial int cuProfilerStart();

    [LibraryImport(Library)]
    private static partial int cuProfilerStop();

    [LibraryImport(Library)]
    private static partial int cuGetErrorString(int error, byte** text);

    [LibraryImport(Library)]
    private static partial int cuDeviceGetAttribute(int* value, DeviceAttribute attribute, int device);

    [LibraryImport(Library)]
    private static partial int cuDevicePrimaryCtxRetain(nint* context, int device);

    [LibraryImport(Library)]
    private static partial int cuCtxGetCurrent(nint* context);

    [LibraryImport(Library)]
    private static partial int cuCtxSetCurrent(nint context);

    [LibraryImport(Library)]
    private static partial int cuModuleLoadData(nint* module, byte* image);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int cuModuleGetFunction(nint* function, nint module, string name);

    [LibraryImport(Library)]
    private static partial int cuFuncGetAttribute(int* value, int attribute, nint function);

    [LibraryImport(Library)]
    private static partial int cuFuncSetAttribute(nint function, int attribute, int value);

    [LibraryImport(Library)]
    private static partial int cuLaunchKernel(
        nint function, uint gridX, uint gridY, uint gridZ, uint blockX, uint blockY, uint blockZ, uint sharedMemory, nint stream,
        void** arguments, void** extra);
}

/// <summary>Attributes of a device, as the driver numbers them.</summary>
internal enum DeviceAttribute
{
    /// <summary>The first part of the compute capability, 9 of 9.0.</summary>
    CapabilityMajor = 75,

    /// <summary>The second part of the compute capability, 0 of 9.0.</summary>
    CapabilityMinor = 76,

    /// <summary>The most shared memory that a block can ask for, in bytes.</summary>
    SharedMemoryPerBlock = 97,
}

/// <summary>The number of blocks of a launch.</summary>
internal readonly record struct Grid(long X, long Y = 1, long Z = 1);
