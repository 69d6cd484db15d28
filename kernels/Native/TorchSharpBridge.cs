using System.Security.Cryptography;
using TorchSharp;

namespace MedSegDsl.Kernels;

/// <summary>
/// TorchSharp's own native library. It is built with GCC 13 and asks the system's libstdc++ for GLIBCXX_3.4.32, which
/// Debian 12 and Ubuntu 22.04 do not have; the one symbol behind it is a marker that nothing calls. There, a copy whose
/// entry for that version is marked weak is loaded instead.
/// </summary>
internal static class TorchSharpBridge
{
    /// <summary>The library's file name.</summary>
    public const string FileName = "libLibTorchSharp.so";

    /// <summary>The version of libstdc++'s symbols that the copy does without.</summary>
    public const string MarkerVersion = "GLIBCXX_3.4.32";

    /// <summary>The library beside TorchSharp.dll, else in TorchSharp's package.</summary>
    /// <exception cref="LibtorchNotFoundException">It is in neither place.</exception>
    public static string Find()
    {
        var location = typeof(torch).Assembly.Location;
        var beside = location.Length > 0 ? Path.GetDirectoryName(location)! : AppContext.BaseDirectory;
        return new[] { beside, Path.Combine(beside, "runtimes/linux-x64/native") }
            .Concat(NativePackages.BridgeFolders())
            .Select(folder => Path.Combine(folder, FileName))
            .FirstOrDefault(File.Exists)
            ?? throw new LibtorchNotFoundException(
                $"TorchSharp's native library {FileName} is neither beside TorchSharp.dll in {beside} nor in its package: "
                + "run `dotnet restore` in the repository.");
    }

    /// <summary>Opens the library, or the adapted copy where the system's libstdc++ is too old for it.</summary>
    /// <returns>Its handle, the file that was opened and whether that is a copy.</returns>
    /// <exception cref="LibtorchNotFoundException">It does not load.</exception>
    public static (nint Handle, string File, bool IsCopy) Open(string library)
    {
        var handle = DynamicLinker.Open(library, global: false, out var error);
        if (handle != 0)
        {
            return (handle, library, false);
        }
        if (!error.Contains(MarkerVersion, StringComparison.Ordinal))
        {
            throw DoesNotLoad(library, error);
        }
        var copy = WeakCopy(library, LibraryCache.Folder());
        handle = DynamicLinker.Open(copy, global: false, out error);
        return handle != 0 ? (handle, copy, true) : throw DoesNotLoad(copy, error);
    }

    /// <summary>
    /// Writes the adapted copy into a folder of its own below the given one, named by the hash of the original, unless it
    /// is there already.
    /// </summary>
    /// <returns>The copy's path.</returns>
    public static string WeakCopy(string library, string cache)
    {
        var original = File.ReadAllBytes(library);
        var key = Convert.ToHexStringLower(SHA256.HashData(original))[..16];
        var file = Path.Combine(cache, "torchsharp-" + key, FileName);
        return LibraryCache.Store(file, new ElfVersionNeeds(original).WithWeak(MarkerVersion));
    }

    private static LibtorchNotFoundException DoesNotLoad(string file, string error) =>
        new($"TorchSharp's native library does not load ({file}): {error}. It needs glibc 2.34 and a libtorch that fits "
            + $"TorchSharp's {NativePackages.LibtorchVersion}.");
}
