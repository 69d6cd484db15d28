using System.Runtime.InteropServices;

namespace MedSegDsl.Kernels.Cuda;

/// <summary>Streams beside the default one, events between them, and a device's address.</summary>
internal static unsafe partial class CudaDriver
{
    private const uint NonBlocking = 1, WithoutTiming = 2;
    private const int AddressLength = 32;

    /// <summary>A stream of the current context that does not wait for the default stream by itself.</summary>
    public static nint NewStream()
    {
        nint stream;
        Check(cuStreamCreate(&stream, NonBlocking), nameof(cuStreamCreate));
        return stream;
    }

    /// <summary>An event of the current context.</summary>
    public static nint NewEvent()
    {
        nint made;
        Check(cuEventCreate(&made, WithoutTiming), nameof(cuEventCreate));
        return made;
    }

    /// <summary>Makes a stream wait for all that another one has been given so far.</summary>
    /// <param name="waiting">The stream that waits; zero is the default stream.</param>
    /// <param name="awaited">The stream that it waits for; zero is the default stream.</param>
    /// <param name="between">An event to do it with; it can be used again at once.</param>
    public static void Order(nint waiting, nint awaited, nint between)
    {
        Check(cuEventRecord(between, awaited), nameof(cuEventRecord));
        Check(cuStreamWaitEvent(waiting, between, 0), nameof(cuStreamWaitEvent));
    }

    /// <summary>A device's address on its machine: <c>0000:65:00.0</c>.</summary>
    public static string PciAddress(int device)
    {
        var text = stackalloc byte[AddressLength];
        Check(cuDeviceGetPCIBusId(text, AddressLength, device), nameof(cuDeviceGetPCIBusId));
        return Marshal.PtrToStringUTF8((nint)text) ?? "";
    }

    [LibraryImport(Library)]
    private static partial int cuStreamCreate(nint* stream, uint flags);

    [LibraryImport(Library)]
    private static partial int cuEventCreate(nint* made, uint flags);

    [LibraryImport(Library)]
    private static partial int cuEventRecord(nint recorded, nint stream);

    [LibraryImport(Library)]
    private static partial int cuStreamWaitEvent(nint stream, nint awaited, uint flags);

    [LibraryImport(Library)]
    private static partial int cuDeviceGetPCIBusId(byte* text, int length, int device);
}
