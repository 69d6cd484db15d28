using static TorchSharp.torch;

namespace MedSegDsl.Models;

/// <summary>
/// Published state dicts name some tensors twice, where a Python module is an attribute of two others.
/// </summary>
public static class SecondNames
{
    /// <summary>Names every tensor under <paramref name="from"/> under <paramref name="to"/> too.</summary>
    /// <param name="state">The state dict.</param>
    /// <param name="prefix">What both names begin with; null is nothing.</param>
    /// <param name="from">The module's name.</param>
    /// <param name="to">Its second name.</param>
    public static void Add(Dictionary<string, Tensor> state, string? prefix, string from, string to)
    {
        var start = string.IsNullOrEmpty(prefix) ? "" : prefix + ".";
        foreach (var (name, tensor) in state.Where(entry => entry.Key.StartsWith($"{start}{from}.", StringComparison.Ordinal)).ToList())
        {
            state[$"{start}{to}{name[(start.Length + from.Length)..]}"] = tensor;
        }
    }
}
