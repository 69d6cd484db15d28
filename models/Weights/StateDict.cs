using System.Globalization;
using static TorchSharp.torch;

namespace MedSegDsl.Models;

/// <summary>A network's weights under the names of the published code, out of the network and into it.</summary>
public static class StateDict
{
    /// <summary>The metadata's entry for the patch that position embeddings fit.</summary>
    public const string PatchKey = "patch";

    /// <summary>Writes a network's weights and the patch that its position embeddings fit, as safetensors.</summary>
    /// <param name="network">The network, on any device.</param>
    /// <param name="stream">Where to; it stays open.</param>
    /// <param name="metadata">Further words to keep beside the weights.</param>
    public static void Save(
        SegmentationNetwork network, Stream stream, IReadOnlyDictionary<string, string>? metadata = null) =>
        Safetensors.Write(stream, network.state_dict(), new Dictionary<string, string>(metadata ?? new Dictionary<string, string>())
        {
            [PatchKey] = PatchText(network.Patch),
        });

    /// <summary>The weights, each under one name: the published code has two for some.</summary>
    public static Dictionary<string, Tensor> Once(SegmentationNetwork network) => network.state_dict()
        .GroupBy(entry => entry.Value.Handle)
        .Select(names => names.First())
        .ToDictionary(entry => entry.Key, entry => entry.Value);

    /// <summary>Loads what <see cref="Save"/> wrote, or a file of somebody else's with the same names.</summary>
    /// <inheritdoc cref="Load(SegmentationNetwork, IReadOnlyDictionary{string, Tensor}, Size3?, Action{string}?)" />
    public static void Load(SegmentationNetwork network, SafetensorsFile file, Action<string>? report = null) =>
        Load(network, file.Tensors, PatchOf(file), report);

    /// <summary>
    /// Loads a file of any format. A name that the network does not have is no mismatch where it stands for the same
    /// parameter as one that it has (nnU-Net's decoders hold their encoder a second time).
    /// </summary>
    /// <param name="network">The network, on any device and of any element type.</param>
    /// <param name="file">The weights.</param>
    /// <param name="patch">The patch that they were made for, where the file does not say so.</param>
    /// <param name="report">Told in one line where position embeddings were interpolated.</param>
    /// <exception cref="ModelException">Every name that is missing, unexpected or of a wrong shape.</exception>
    public static void Load(
        SegmentationNetwork network, WeightsFile file, Size3? patch = null, Action<string>? report = null) =>
        Load(network, file.Tensors, patch ?? file.Patch, file.Aliases, report);

    /// <summary>
    /// Copies weights into a network, all of them or, where something does not fit, none. Position embeddings of another
    /// patch are interpolated.
    /// </summary>
    /// <param name="network">The network, on any device and of any element type.</param>
    /// <param name="tensors">A tensor for every name of the network; of two names for one tensor, either.</param>
    /// <param name="patch">The patch that the weights were made for, if known.</param>
    /// <param name="report">Told in one line where position embeddings were interpolated.</param>
    /// <exception cref="ModelException">Every name that is missing, unexpected or of a wrong shape.</exception>
    public static void Load(
        SegmentationNetwork network,
        IReadOnlyDictionary<string, Tensor> tensors,
        Size3? patch = null,
        Action<string>? report = null) =>
        Load(network, tensors, patch, new Dictionary<string, string>(), report);

    /// <summary>
    /// Copies all weights but those of the segmentation heads, for fine-tuning on other classes. As in nnU-Net
    /// (run/load_pretrained_weights.py) every other name of the network must be there in its shape, and names that the
    /// network does not have are passed over.
    /// </summary>
    /// <param name="network">The network, on any device and of any element type; its heads stay as they are.</param>
    /// <param name="file">The weights.</param>
    /// <param name="heads">The names of the heads (<see cref="SegmentationHeads"/>).</param>
    /// <param name="patch">The patch that they were made for, where the file does not say so.</param>
    /// <param name="report">Told in a line each what was loaded, passed over and interpolated.</param>
    /// <exception cref="ModelException">Every name that is missing or of a wrong shape.</exception>
    public static void LoadPretrained(
        SegmentationNetwork network,
        WeightsFile file,
        IReadOnlySet<string> heads,
        Size3? patch = null,
        Action<string>? report = null)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        var match = new WeightsMatch(network, file.Tensors, patch ?? file.Patch, name => !heads.Contains(name));
        match.Require([]);
        match.Copy(report);
        report?.Invoke(
            $"{network.GetName()}: weights from {file.Path}, but for the segmentation heads ({string.Join(", ", heads.Order(StringComparer.Ordinal))})");
        var passed = match.Unexpected.Where(name => !file.Aliases.ContainsKey(name)).ToList();
        if (passed.Count > 0)
        {
            report?.Invoke($"{network.GetName()}: passed over, since the network has no such name: {string.Join(", ", passed)}");
        }
    }

    /// <summary>A patch as metadata name it: <c>64,160,160</c>.</summary>
    public static string PatchText(Size3 patch) =>
        string.Create(CultureInfo.InvariantCulture, $"{patch.D},{patch.H},{patch.W}");

    /// <summary>The patch that a file's metadata name, or null.</summary>
    internal static Size3? PatchOf(SafetensorsFile file) =>
        file.Metadata.TryGetValue(PatchKey, out var words) ? ParsePatch(words) : null;

    private static void Load(
        SegmentationNetwork network,
        IReadOnlyDictionary<string, Tensor> tensors,
        Size3? patch,
        IReadOnlyDictionary<string, string> aliases,
        Action<string>? report)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        var match = new WeightsMatch(network, tensors, patch, _ => true);
        var known = tensors.Keys.Except(match.Unexpected).Select(First).ToHashSet();
        match.Require(match.Unexpected.Where(name => !known.Contains(First(name))));
        match.Copy(report);

        string First(string name) => aliases.GetValueOrDefault(name, name);
    }

    private static Size3? ParsePatch(string words) =>
        words.Split(',').Select(word => int.TryParse(word, CultureInfo.InvariantCulture, out var n) ? n : 0).ToList() is
        [> 0 and var d, > 0 and var h, > 0 and var w]
            ? new Size3(d, h, w)
            : null;
}
