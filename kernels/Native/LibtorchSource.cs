using System.Text.RegularExpressions;

namespace MedSegDsl.Kernels;

/// <summary>A place that libtorch can be loaded from.</summary>
/// <param name="Folder">The folder with <c>libtorch_cpu.so</c> and its companions.</param>
/// <param name="Version">libtorch's version, empty where the place does not say.</param>
/// <param name="Origin">Where it comes from, in words.</param>
internal sealed partial record LibtorchSource(string Folder, string Version, string Origin)
{
    /// <summary>The environment variable that names a folder with libtorch, such as PyTorch's <c>torch/lib</c>.</summary>
    public const string Variable = "MEDSEG_LIBTORCH";

    private const string CpuLibrary = "libtorch_cpu.so";
    private const string CudaLibrary = "libtorch_cuda.so";

    /// <summary>Whether it has CUDA's part.</summary>
    public bool HasCuda => File.Exists(Path.Combine(Folder, CudaLibrary));

    /// <summary>The libraries to open, each after those that it needs.</summary>
    public IEnumerable<string> Libraries =>
        (HasCuda
            ? new[] { "libc10.so", CpuLibrary, "libc10_cuda.so", CudaLibrary, "libtorch.so" }
            : ["libc10.so", CpuLibrary, "libtorch.so"])
        .Select(name => Path.Combine(Folder, name));

    /// <summary>The first place that fits: the named folder, the CUDA packages, the CPU package.</summary>
    /// <param name="named">The value of <see cref="Variable"/>; null or empty where it is not set.</param>
    /// <exception cref="LibtorchNotFoundException">The named folder is none or holds no libtorch; nothing is installed.</exception>
    public static LibtorchSource Find(string? named) =>
        (string.IsNullOrWhiteSpace(named) ? null : Named(named)) ?? CudaPackages() ?? CpuPackage() ?? throw Nothing();

    private static LibtorchSource Named(string named)
    {
        if (!Directory.Exists(named))
        {
            throw new LibtorchNotFoundException(
                $"{Variable} names '{named}', which is not a folder: set it to the folder that holds {CpuLibrary} "
                + "(PyTorch's is torch/lib), or unset it to use the packages.");
        }
        var folder = new[] { named, Path.Combine(named, "lib") }
            .Select(Path.GetFullPath)
            .FirstOrDefault(path => File.Exists(Path.Combine(path, CpuLibrary)))
            ?? throw new LibtorchNotFoundException(
                $"{Variable} names '{named}', which holds no {CpuLibrary}: set it to a folder that does "
                + "(PyTorch's is torch/lib), or unset it to use the packages.");
        return new LibtorchSource(folder, VersionBeside(folder), $"{folder} ({Variable})");
    }

    private static LibtorchSource? CudaPackages()
    {
        var libraries = NativePackages.WantsCuda ? NativePackages.CudaLibraries() : [];
        if (!libraries.Any(file => Path.GetFileName(file) == CudaLibrary))
        {
            return null;
        }
        var folder = Path.Combine(LibraryCache.Folder(), "libtorch-cuda-" + NativePackages.LibtorchVersion);
        return new LibtorchSource(LibraryCache.Gather(folder, libraries), NativePackages.LibtorchVersion, "the libtorch-cuda packages");
    }

    private static LibtorchSource? CpuPackage() =>
        NativePackages.CpuFolders()
            .Where(folder => File.Exists(Path.Combine(folder, CpuLibrary)))
            .Select(folder => new LibtorchSource(folder, NativePackages.LibtorchVersion, $"the package {NativePackages.Cpu}"))
            .FirstOrDefault();

    private static LibtorchNotFoundException Nothing() =>
        new($"No libtorch found. Install one of: the package {NativePackages.Cpu} {NativePackages.LibtorchVersion} "
            + "(`dotnet restore` in the repository gets it), the CUDA packages (build with -p:Cuda=true), or PyTorch, "
            + $"and set {Variable} to its folder torch/lib.");

    // PyTorch has torch/version.py beside torch/lib, libtorch's archive a file build-version beside lib.
    private static string VersionBeside(string folder)
    {
        var parent = Path.GetDirectoryName(folder) ?? folder;
        var python = Path.Combine(parent, "version.py");
        var archive = Path.Combine(parent, "build-version");
        return File.Exists(python) ? PythonVersion().Match(File.ReadAllText(python)).Groups[1].Value
            : File.Exists(archive) ? File.ReadAllText(archive).Trim()
            : "";
    }

    [GeneratedRegex("""__version__\s*=\s*['"]([^'"]+)['"]""")]
    private static partial Regex PythonVersion();
}
