using System.Runtime.InteropServices;

namespace MedSegDsl.Kernels.Cuda;

/// <summary>Streams beside the default one, events between them, copies on them, and a device's address.</summary>
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
        Record(between, awaited);
        Wait(waiting, between);
    }

    /// <summary>Marks all that a stream has been given so far; zero is the default stream.</summary>
    public static void Record(nint mark, nint stream) => Check(cuEventRecord(mark, stream), nameof(cuEventRecord));

    /// <summary>Makes a stream wait for what an event marks now.</summary>
    public static void Wait(nint stream, nint mark) => Check(cuStreamWaitEvent(stream, mark, 0), nameof(cuStreamWaitEvent));

    /// <summary>Copies from pinned memory of the host to the device.</summary>
    public static void CopyToDevice(nint to, nint from, long bytes, nint stream) =>
        Check(cuMemcpyHtoDAsync_v2(to, from, (nuint)bytes, stream), nameof(cuMemcpyHtoDAsync_v2));

    /// <summary>Gives an event back.</summary>
    public static void EndEvent(nint mark) => Check(cuEventDestroy_v2(mark), nameof(cuEventDestroy_v2));

    /// <summary>Gives a stream back once its work is done.</summary>
    public static void EndStream(nint stream) => Check(cuStreamDestroy_v2(stream), nameof(cuStreamDestroy_v2));

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
    private static partial int cuMemcpyHtoDAsync_v2(nint to, nint from, nuint bytes, nint stream);

    [LibraryImport(Library)]
    private static partial int cuEventDestroy_v2(nint mark);

    [LibraryImport(Library)]
    private static partial int cuStreamDestroy_v2(nint stream);

    [LibraryImport(Library)]
    private static partial int cuDeviceGetPCIBusId(byte* text, int length, int device);
}
