using static TorchSharp.torch;

namespace MedSegDsl.Models;

/// <summary>A part of a name: holds modules whose owner calls them.</summary>
public sealed class NamePart() : nn.Module(nameof(NamePart))
{
    /// <summary>Nothing: modules are registered by name.</summary>
    protected override void RegisterComponents() { }
}
