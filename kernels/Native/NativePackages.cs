using System.Reflection;

namespace MedSegDsl.Kernels;

/// <summary>
/// Where NuGet keeps the packages with native libraries that this assembly was built against. The build writes
/// the package root and the versions into the assembly's metadata; where the assembly has moved to another
/// machine, NuGet's usual root there is tried as well.
/// </summary>
internal static class NativePackages
{
    private const string Natives = "runtimes/linux-x64/native";

    /// <summary>The CPU package's name.</summary>
    public const string Cpu = "libtorch-cpu-linux-x64";

    /// <summary>What every CUDA package's name starts with: the libraries are spread over several of them.</summary>
    private const string CudaPrefix = "libtorch-cuda-";

    /// <summary>The version of libtorch that TorchSharp was built for.</summary>
    public static string LibtorchVersion { get; } = Metadata("LibtorchVersion");

    /// <summary>Whether this build asked for the CUDA packages (<c>-p:Cuda=true</c>).</summary>
    public static bool WantsCuda { get; } = Metadata("CudaPackages") == "true";

    /// <summary>The existing folders that the CPU package's libraries can be in, best first.</summary>
    public static IEnumerable<string> CpuFolders() => Folders(Cpu, LibtorchVersion);

    /// <summary>The existing folders that TorchSharp's native library can be in, best first.</summary>
    public static IEnumerable<string> BridgeFolders() => Folders("torchsharp", Metadata("TorchSharpVersion"));

    /// <summary>
    /// The libraries of all CUDA packages of the version that TorchSharp was built for: none where they are not installed.
    /// </summary>
    public static IReadOnlyList<string> CudaLibraries() =>
        Roots()
            .Select(root => Directory.EnumerateDirectories(root, CudaPrefix + "*linux-x64*")
                .Select(package => Path.Combine(package, LibtorchVersion, Natives))
                .Where(Directory.Exists)
                .SelectMany(Directory.EnumerateFiles)
                .Where(file => Path.GetFileName(file).Contains(".so", StringComparison.Ordinal) && !file.EndsWith(".sha", StringComparison.Ordinal))
                .Order(StringComparer.Ordinal)
                .ToList())
            .FirstOrDefault(files => files.Count > 0) ?? [];

    private static IEnumerable<string> Folders(string package, string version) =>
        Roots().Select(root => Path.Combine(root, package, version, Natives)).Where(Directory.Exists);

    private static IEnumerable<string> Roots() =>
        new[]
        {
            Metadata("NuGetPackageRoot"),
            Environment.GetEnvironmentVariable("NUGET_PACKAGES") ?? "",
            Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".nuget", "packages"),
        }
        .Where(root => root.Length > 0 && Directory.Exists(root))
        .Distinct();

    private static string Metadata(string key) =>
        typeof(NativePackages).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>()
            .FirstOrDefault(attribute => attribute.Key == key)?.Value ?? "";
}
