using MedSegDsl.Models;
using MedSegDsl.Runtime.Files;
using MedSegDsl.Runtime.Training.Optimization;
using static TorchSharp.torch;

namespace MedSegDsl.Runtime.Training.Checkpoints;

/// <summary>
/// A checkpoint: one safetensors file, written whole or not at all. Tensors are <c>network.NAME</c>, by state-dict name, and
/// <c>optimizer.NAME</c>; the metadata's entry <c>medseg</c> is the <see cref="CheckpointState"/> as JSON, and
/// <c>sha256</c> the checksum of all of it.
/// </summary>
public sealed class Checkpoint : IDisposable
{
    private const string StateKey = "medseg";
    private const string SumKey = "sha256";

    private readonly string path;
    private readonly SafetensorsFile file;

    private Checkpoint(string path, CheckpointState state, SafetensorsFile file)
    {
        this.path = path;
        State = state;
        this.file = file;
    }

    /// <summary>What it holds beside tensors.</summary>
    public CheckpointState State { get; }

    /// <summary>The network's weights by state-dict name, on the CPU.</summary>
    public IReadOnlyDictionary<string, Tensor> Network => Part(WeightsFile.NetworkPrefix);

    /// <summary>The optimizer's state, on the CPU.</summary>
    public IReadOnlyDictionary<string, Tensor> Optimizer => Part(WeightsFile.OptimizerPrefix);

    /// <summary>Writes a checkpoint.</summary>
    /// <param name="path">The file.</param>
    /// <param name="state">What it holds beside tensors.</param>
    /// <param name="network">Its weights are written.</param>
    /// <param name="optimizer">Its state is written; null for weights from elsewhere.</param>
    public static void Write(string path, CheckpointState state, SegmentationNetwork network, ParameterOptimizer? optimizer)
    {
        using var noGradient = no_grad();
        using var scope = NewDisposeScope();
        var tensors = StateDict.Once(network).ToDictionary(entry => WeightsFile.NetworkPrefix + entry.Key, entry => entry.Value);
        foreach (var (name, value) in optimizer?.State() ?? [])
            tensors[WeightsFile.OptimizerPrefix + name] = value;
        var json = state.ToJson();
        var metadata = new Dictionary<string, string>
        {
            [StateKey] = json,
            [SumKey] = CheckpointSum.Of(json, tensors),
            [StateDict.PatchKey] = StateDict.PatchText(network.Patch),
        };
        AtomicFile.Write(path, stream => Safetensors.Write(stream, tensors, metadata));
    }

    /// <summary>Reads a checkpoint.</summary>
    /// <exception cref="UserException">The file is missing, damaged or something else.</exception>
    public static Checkpoint Read(string path)
    {
        var file = ReadFile(path);
        try
        {
            if (!file.Metadata.TryGetValue(StateKey, out var json))
                throw new UserException($"{path}: not a checkpoint of this program");
            var state = CheckpointState.FromJson(json, path);
            if (!file.Metadata.TryGetValue(SumKey, out var sum) || sum != CheckpointSum.Of(json, file.Tensors))
                throw new UserException($"{path}: its content does not match its checksum");
            return new Checkpoint(path, state, file);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>Copies the weights into a network.</summary>
    /// <param name="network">The network, on any device.</param>
    /// <param name="report">Told where position embeddings were interpolated to the network's patch.</param>
    /// <exception cref="UserException">The network has other parameters.</exception>
    public void LoadNetwork(SegmentationNetwork network, Action<string>? report = null)
    {
        try
        {
            StateDict.Load(network, Network, new Size3(State.Patch[0], State.Patch[1], State.Patch[2]), report);
        }
        catch (ModelException cause)
        {
            throw new UserException($"{path}: {cause.Message}", cause);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => file.Dispose();

    private static SafetensorsFile ReadFile(string path)
    {
        try
        {
            return Safetensors.Read(path);
        }
        catch (ModelException cause)
        {
            throw new UserException(cause.Message, cause);
        }
    }

    private Dictionary<string, Tensor> Part(string prefix) => file.Tensors
        .Where(entry => entry.Key.StartsWith(prefix, StringComparison.Ordinal))
        .ToDictionary(entry => entry.Key[prefix.Length..], entry => entry.Value);
}
