using MedSegDsl.Models;
using MedSegDsl.Runtime.Files;
using MedSegDsl.Runtime.Training.Optimization;
using static TorchSharp.torch;

namespace MedSegDsl.Runtime.Training.Checkpoints;

/// <summary>
/// A checkpoint: one safetensors file, written whole or not at all. Tensors are <c>network.NAME</c>, by state-dict name, and
/// <c>optimizer.NAME</c>; the metadata's entry <c>medseg</c> is the <see cref="CheckpointState"/> as JSON.
/// </summary>
public sealed class Checkpoint : IDisposable
{
    private const string NetworkPrefix = "network.";
    private const string OptimizerPrefix = "optimizer.";
    private const string StateKey = "medseg";

    private readonly string path;
    private readonly Dictionary<string, Tensor> tensors;

    private Checkpoint(string path, CheckpointState state, Dictionary<string, Tensor> tensors)
    {
        this.path = path;
        State = state;
        this.tensors = tensors;
    }

    /// <summary>What it holds beside tensors.</summary>
    public CheckpointState State { get; }

    /// <summary>The network's weights by state-dict name, on the CPU.</summary>
    public IReadOnlyDictionary<string, Tensor> Network => Part(NetworkPrefix);

    /// <summary>The optimizer's state, on the CPU.</summary>
    public IReadOnlyDictionary<string, Tensor> Optimizer => Part(OptimizerPrefix);

    /// <summary>Writes a checkpoint.</summary>
    /// <param name="path">The file.</param>
    /// <param name="state">What it holds beside tensors.</param>
    /// <param name="network">Its weights are written.</param>
    /// <param name="optimizer">Its state is written.</param>
    public static void Write(string path, CheckpointState state, SegmentationNetwork network, ParameterOptimizer optimizer)
    {
        using var noGradient = no_grad();
        using var scope = NewDisposeScope();
        var tensors = network.state_dict().ToDictionary(entry => NetworkPrefix + entry.Key, entry => entry.Value);
        foreach (var (name, value) in optimizer.State())
            tensors[OptimizerPrefix + name] = value;
        var metadata = new Dictionary<string, string> { [StateKey] = state.ToJson() };
        AtomicFile.Write(path, stream => Safetensors.Write(stream, tensors, metadata));
    }

    /// <summary>Reads a checkpoint.</summary>
    /// <exception cref="UserException">The file is missing, damaged or something else.</exception>
    public static Checkpoint Read(string path)
    {
        var (tensors, metadata) = Safetensors.Read(path);
        return metadata.TryGetValue(StateKey, out var json)
            ? new Checkpoint(path, CheckpointState.FromJson(json, path), tensors)
            : throw new UserException($"{path}: not a checkpoint of this program");
    }

    /// <summary>Copies the weights into a network.</summary>
    /// <exception cref="UserException">The network has other parameters.</exception>
    public void LoadNetwork(SegmentationNetwork network)
    {
        using var noGradient = no_grad();
        using var scope = NewDisposeScope();
        var weights = Network;
        var own = network.state_dict();
        var wrong = own.Keys.Union(weights.Keys).FirstOrDefault(name =>
            !own.TryGetValue(name, out var there)
            || !weights.TryGetValue(name, out var here)
            || !there.shape.SequenceEqual(here.shape));
        if (wrong is not null)
            throw new UserException(
                $"{path}: its weights are those of another network than {network.GetName()} (the first difference is {wrong})");
        foreach (var (name, value) in own)
            value.copy_(weights[name]);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var tensor in tensors.Values)
            tensor.Dispose();
    }

    private Dictionary<string, Tensor> Part(string prefix) => tensors
        .Where(entry => entry.Key.StartsWith(prefix, StringComparison.Ordinal))
        .ToDictionary(entry => entry.Key[prefix.Length..], entry => entry.Value);
}
