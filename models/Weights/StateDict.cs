using System.Globalization;
using static TorchSharp.torch;

namespace MedSegDsl.Models;

/// <summary>A network's weights under the names of the published code, out of the network and into it.</summary>
public static class StateDict
{
    private const string PatchKey = "patch";

    /// <summary>Writes a network's weights and the patch that its position embeddings fit, as safetensors.</summary>
    /// <param name="network">The network, on any device.</param>
    /// <param name="stream">Where to; it stays open.</param>
    /// <param name="metadata">Further words to keep beside the weights.</param>
    public static void Save(
        SegmentationNetwork network, Stream stream, IReadOnlyDictionary<string, string>? metadata = null)
    {
        var patch = network.Patch;
        var words = new Dictionary<string, string>(metadata ?? new Dictionary<string, string>())
        {
            [PatchKey] = string.Create(CultureInfo.InvariantCulture, $"{patch.D},{patch.H},{patch.W}"),
        };
        Safetensors.Write(stream, network.state_dict(), words);
    }

    /// <summary>Loads what <see cref="Save"/> wrote, or a file of somebody else's with the same names.</summary>
    /// <inheritdoc cref="Load(SegmentationNetwork, IReadOnlyDictionary{string, Tensor}, Size3?, Action{string}?)" />
    public static void Load(SegmentationNetwork network, SafetensorsFile file, Action<string>? report = null) =>
        Load(network, file.Tensors, file.Metadata.TryGetValue(PatchKey, out var words) ? ParsePatch(words) : null, report);

    /// <summary>
    /// Copies weights into a network, all of them or, where something does not fit, none. Position embeddings of another
    /// patch are interpolated.
    /// </summary>
    /// <param name="network">The network, on any device and of any element type.</param>
    /// <param name="tensors">A tensor for every name of the network.</param>
    /// <param name="patch">The patch that the weights were made for, if known.</param>
    /// <param name="report">Told in one line where position embeddings were interpolated.</param>
    /// <exception cref="ModelException">Every name that is missing, unexpected or of a wrong shape.</exception>
    public static void Load(
        SegmentationNetwork network,
        IReadOnlyDictionary<string, Tensor> tensors,
        Size3? patch = null,
        Action<string>? report = null)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        var own = network.state_dict();
        var fitted = new Dictionary<string, Tensor>();
        var interpolated = new List<string>();
        var wrong = new List<string>();
        foreach (var (name, tensor) in tensors.Where(entry => own.ContainsKey(entry.Key)))
        {
            if (tensor.shape.SequenceEqual(own[name].shape))
            {
                fitted[name] = tensor;
            }
            else if (Interpolate(network, name, tensor, own[name], patch) is { } resized)
            {
                fitted[name] = resized;
                interpolated.Add(name);
            }
            else
            {
                wrong.Add($"{name} is {Text(tensor.shape)}, {Text(own[name].shape)} wanted{PatchHint(network, name, patch)}");
            }
        }

        Require(network, own.Keys.Except(tensors.Keys), tensors.Keys.Except(own.Keys), wrong);
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

    private static Tensor? Interpolate(SegmentationNetwork network, string name, Tensor tensor, Tensor own, Size3? patch)
    {
        if (patch is not { } source || !network.PositionGrids.TryGetValue(name, out var gridOf))
        {
            return null;
        }

        var (from, to) = (gridOf(source), gridOf(network.Patch));
        return tensor.shape.SequenceEqual([1, from.Volume, own.shape[2]])
            ? LearnedPositions.Interpolate(tensor.to(own.dtype, own.device), from, to)
            : null;
    }

    private static void Require(
        SegmentationNetwork network, IEnumerable<string> missing, IEnumerable<string> unexpected, List<string> wrong)
    {
        var parts = new List<string>();
        Add("missing", missing);
        Add("unexpected", unexpected);
        Add("wrong shape", wrong);
        if (parts.Count > 0)
        {
            throw new ModelException($"the weights do not fit {network.GetName()}: {string.Join("; ", parts)}");
        }

        void Add(string kind, IEnumerable<string> names)
        {
            var list = names.Order(StringComparer.Ordinal).ToList();
            if (list.Count > 0)
            {
                parts.Add($"{list.Count} {kind} ({string.Join(", ", list)})");
            }
        }
    }

    private static string PatchHint(SegmentationNetwork network, string name, Size3? patch) =>
        patch is null && network.PositionGrids.ContainsKey(name)
            ? " (name the patch that it was made for to interpolate it)"
            : "";

    private static Size3? ParsePatch(string words) =>
        words.Split(',').Select(word => int.TryParse(word, CultureInfo.InvariantCulture, out var n) ? n : 0).ToList() is
        [> 0 and var d, > 0 and var h, > 0 and var w]
            ? new Size3(d, h, w)
            : null;

    private static string Text(long[] shape) => $"({string.Join(", ", shape)})";
}
