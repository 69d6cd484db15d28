using System.Reflection;
using System.Runtime.InteropServices;
using TorchSharp;

namespace MedSegDsl.Kernels;

/// <summary>
/// Finds libtorch and loads it. To be called before anything of TorchSharp is used, by programs, tests and scripts alike.
/// The order is: the folder that the environment variable MEDSEG_LIBTORCH names (PyTorch's <c>torch/lib</c>, say), the CUDA
/// packages where the build asked for them, the CPU package.
/// </summary>
public static class NativeLibtorch
{
    private static readonly Lock Gate = new();
    private static LoadedLibtorch? loaded;

    /// <summary>Loads libtorch once; later calls, from any thread, return what the first one loaded.</summary>
    /// <exception cref="LibtorchNotFoundException">Nothing fits; the message says what to install or to set.</exception>
    public static LoadedLibtorch Load()
    {
        lock (Gate)
        {
            return loaded ??= LoadFrom(LibtorchSource.Find(Environment.GetEnvironmentVariable(LibtorchSource.Variable)));
        }
    }

    private static LoadedLibtorch LoadFrom(LibtorchSource source)
    {
        // libtorch registers its CUDA part with itself through global symbols; the CPU's libraries stay private.
        var hasCuda = source.HasCuda;
        foreach (var library in source.Libraries)
        {
            if (DynamicLinker.Open(library, hasCuda, out var error) == 0)
            {
                throw new LibtorchNotFoundException(
                    $"libtorch from {source.Origin} does not load: {error}. "
                    + $"Set {LibtorchSource.Variable} to another one's folder, or unset it to use the packages.");
            }
        }
        var (handle, file, isCopy) = TorchSharpBridge.Open(TorchSharpBridge.Find());
        Bind(handle);
        var version = source.Version.Length > 0 ? " " + source.Version : "";
        var copy = isCopy ? $"; {TorchSharpBridge.FileName} adapted to this system's libstdc++ in {Path.GetDirectoryName(file)}" : "";
        return new LoadedLibtorch(
            source.Folder, file, hasCuda, $"libtorch{version} ({(hasCuda ? "CUDA" : "CPU")}) from {source.Origin}{copy}");
    }

    // TorchSharp's imports then come from the file that was opened. Its own start-up looks the libraries up by name as well
    // and is given the same ones, because the system's linker knows them by that name already.
    private static void Bind(nint bridge)
    {
        DllImportResolver resolver = (name, _, _) => name == "LibTorchSharp" ? bridge : 0;
        foreach (var assembly in new[] { typeof(torch).Assembly, Assembly.GetExecutingAssembly() })
        {
            NativeLibrary.SetDllImportResolver(assembly, resolver);
        }
    }
}
