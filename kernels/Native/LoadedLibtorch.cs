namespace MedSegDsl.Kernels;

/// <summary>The libtorch that this process uses.</summary>
/// <param name="Folder">The folder that its libraries were loaded from.</param>
/// <param name="Bridge">The file of TorchSharp's own native library, <c>libLibTorchSharp.so</c> or a copy of it.</param>
/// <param name="HasCuda">
/// Whether CUDA's libraries are part of it and were loaded. Whether there is a GPU is another matter:
/// <c>torch.InitializeDeviceType(DeviceType.CUDA)</c> says so.
/// </param>
/// <param name="Description">One line for people: version, CPU or CUDA, where it came from.</param>
public sealed record LoadedLibtorch(string Folder, string Bridge, bool HasCuda, string Description)
{
    /// <summary>The description.</summary>
    public override string ToString() => Description;
}
