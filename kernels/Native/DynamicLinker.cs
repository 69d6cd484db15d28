using System.Runtime.InteropServices;
using System.Text;

namespace MedSegDsl.Kernels;

/// <summary>
/// The system's <c>dlopen</c>, for two things that .NET's own loader does not offer: symbols that later libraries see
/// (RTLD_GLOBAL, which libtorch's CUDA part needs), and the linker's own words on why a library does not load.
/// </summary>
public static unsafe class DynamicLinker
{
    private const int Lazy = 0x001;
    private const int Global = 0x100;

    // Function pointers, not DllImport: binding a DllImport calls dlopen itself and would wipe the message.
    private static readonly nint Linker = NativeLibrary.Load("libdl.so.2");
    private static readonly delegate* unmanaged<byte*, int, nint> DlOpen =
        (delegate* unmanaged<byte*, int, nint>)NativeLibrary.GetExport(Linker, "dlopen");
    private static readonly delegate* unmanaged<byte*> DlError =
        (delegate* unmanaged<byte*>)NativeLibrary.GetExport(Linker, "dlerror");

    /// <summary>Opens a library for good.</summary>
    /// <param name="file">Its full path.</param>
    /// <param name="global">Whether libraries opened later see its symbols.</param>
    /// <param name="error">The linker's message where it does not load, else empty.</param>
    /// <returns>Its handle, which .NET's <see cref="NativeLibrary"/> takes as well; zero where it does not load.</returns>
    public static nint Open(string file, bool global, out string error)
    {
        fixed (byte* path = Encoding.UTF8.GetBytes(file + '\0'))
        {
            var handle = DlOpen(path, global ? Lazy | Global : Lazy);
            error = handle == 0 ? Marshal.PtrToStringUTF8((nint)DlError()) ?? "unknown error" : "";
            return handle;
        }
    }
}
