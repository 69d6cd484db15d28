using static TorchSharp.torch;

namespace MedSegDsl.Models;

/// <summary>
/// Weights of a file against the parameters of a network: what fits, what was interpolated, and in full what does not fit.
/// </summary>
internal sealed class WeightsMatch
{
    private readonly SegmentationNetwork network;
    private readonly Dictionary<string, Tensor> own;
    private readonly Dictionary<string, Tensor> fitted = [];
    private readonly List<string> interpolated = [];
    private readonly List<string> wrong = [];
    private readonly Size3? patch;

    /// <summary>Compares, inside a dispose scope of the caller.</summary>
    /// <param name="network">The network.</param>
    /// <param name="tensors">Tensors by name.</param>
    /// <param name="patch">The patch that they were made for, if known.</param>
    /// <param name="wanted">Which of the network's names count.</param>
    public WeightsMatch(
        SegmentationNetwork network, IReadOnlyDictionary<string, Tensor> tensors, Size3? patch, Func<string, bool> wanted)
    {
        this.network = network;
        this.patch = patch;
        own = network.state_dict().Where(entry => wanted(entry.Key)).ToDictionary(entry => entry.Key, entry => entry.Value);
        Missing = [.. own.GroupBy(entry => entry.Value.Handle)
            .Where(names => !names.Any(entry => tensors.ContainsKey(entry.Key)))
            .Select(names => names.First().Key)];
        Unexpected = [.. tensors.Keys.Where(name => wanted(name) && !own.ContainsKey(name))];
        foreach (var (name, tensor) in tensors.Where(entry => own.ContainsKey(entry.Key)))
        {
            Fit(name, tensor);
        }
    }

    /// <summary>Parameters of the network that have no weights, not even under a second name: each by its first name.</summary>
    public IReadOnlyList<string> Missing { get; }

    /// <summary>Names that the network does not have.</summary>
    public IReadOnlyList<string> Unexpected { get; }

    /// <summary>Refuses the weights unless everything fits.</summary>
    /// <param name="unexpected">The unexpected names that count.</param>
    /// <exception cref="ModelException">Every name that is missing, unexpected or of a wrong shape.</exception>
    public void Require(IEnumerable<string> unexpected)
    {
        (string Kind, IEnumerable<string> Names)[] kinds =
            [("missing", Missing), ("unexpected", unexpected), ("wrong shape", wrong)];
        var parts = kinds
            .Select(kind => (kind.Kind, Names: kind.Names.Order(StringComparer.Ordinal).ToList()))
            .Where(kind => kind.Names.Count > 0)
            .Select(kind => $"{kind.Names.Count} {kind.Kind} ({string.Join(", ", kind.Names)})")
            .ToList();
        if (parts.Count > 0)
        {
            throw new ModelException($"the weights do not fit {network.GetName()}: {string.Join("; ", parts)}");
        }
    }

    /// <summary>Copies what fits into the network.</summary>
    /// <param name="report">Told in one line where position embeddings were interpolated.</param>
    public void Copy(Action<string>? report)
    {
        foreach (var (name, tensor) in fitted)
        {
            own[name].copy_(tensor);
        }

        if (interpolated.Count > 0)
        {
            report?.Invoke(
                $"{network.GetName()}: {interpolated.Count} position embeddings of a patch of {patch} "
                + $"interpolated to {network.Patch}");
        }
    }

    private void Fit(string name, Tensor tensor)
    {
        if (tensor.shape.SequenceEqual(own[name].shape))
        {
            fitted[name] = tensor;
        }
        else if (network.Patch.D == 1 && SliceWeights.Fit(tensor, own[name].shape) is { } slice)
        {
            fitted[name] = slice;
        }
        else if (Interpolate(name, tensor) is { } resized)
        {
            fitted[name] = resized;
            interpolated.Add(name);
        }
        else
        {
            wrong.Add($"{name} is {Text(tensor.shape)}, {Text(own[name].shape)} wanted{PatchHint(name)}");
        }
    }

    private Tensor? Interpolate(string name, Tensor tensor)
    {
        if (patch is not { } source || !network.PositionGrids.TryGetValue(name, out var gridOf))
        {
            return null;
        }

        var (from, to) = (gridOf(source), gridOf(network.Patch));
        return tensor.shape.SequenceEqual([1, from.Volume, own[name].shape[2]])
            ? LearnedPositions.Interpolate(tensor.to(own[name].dtype, own[name].device), from, to)
            : null;
    }

    private string PatchHint(string name) => patch is null && network.PositionGrids.ContainsKey(name)
        ? " (name the patch that it was made for to interpolate it)"
        : "";

    private static string Text(long[] shape) => $"({string.Join(", ", shape)})";
}
