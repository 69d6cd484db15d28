using static TorchSharp.torch;

namespace MedSegDsl.Models;

/// <summary>The content of a safetensors file. Owns its tensors, which lie on the CPU.</summary>
public sealed class SafetensorsFile : IDisposable
{
    internal SafetensorsFile(Dictionary<string, Tensor> tensors, Dictionary<string, string> metadata) =>
        (Tensors, Metadata) = (tensors, metadata);

    /// <summary>The tensors by name.</summary>
    public IReadOnlyDictionary<string, Tensor> Tensors { get; }

    /// <summary>The words that were written beside them.</summary>
    public IReadOnlyDictionary<string, string> Metadata { get; }

    /// <summary>Disposes the tensors.</summary>
    public void Dispose()
    {
        foreach (var tensor in Tensors.Values)
        {
            tensor.Dispose();
        }
    }
}
