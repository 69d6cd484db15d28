using System.Reflection;

namespace MedSegDsl.Kernels.Cuda;

/// <summary>A CUDA C++ source that is embedded in this assembly, with all headers.</summary>
internal sealed record KernelSource(string Name, string Text, IReadOnlyList<(string Name, string Text)> Headers)
{
    private const string Folder = "cuda/";

    private static readonly Lazy<IReadOnlyList<(string Name, string Text)>> AllHeaders = new(() =>
        Assembly.GetExecutingAssembly().GetManifestResourceNames()
            .Where(name => name.StartsWith(Folder, StringComparison.Ordinal) && name.EndsWith(".cuh", StringComparison.Ordinal))
            .Order(StringComparer.Ordinal)
            .Select(name => (name[Folder.Length..], Read(name)))
            .ToList());

    /// <summary>The source of a name, such as <c>scan_forward.cu</c>.</summary>
    public static KernelSource Find(string name) => new(name, Read(Folder + name), AllHeaders.Value);

    private static string Read(string resource)
    {
        using var stream = Assembly.GetExecutingAssembly().GetManifestResourceStream(resource)
            ?? throw new CudaException($"This assembly holds no {resource}.");
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd();
    }
}
