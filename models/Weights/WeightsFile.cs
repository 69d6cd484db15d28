using System.Buffers.Binary;
using static TorchSharp.torch;

namespace MedSegDsl.Models;

/// <summary>
/// Weights from a file of any kind that is read: safetensors, or what torch.save writes. What the file is, its bytes say
/// and not its ending. Reading runs nothing. Owns its tensors, which lie on the CPU.
/// </summary>
public sealed class WeightsFile : IDisposable
{
    /// <summary>What the names of a network's weights begin with in a checkpoint of this program.</summary>
    public const string NetworkPrefix = "network.";

    /// <summary>What the names of an optimizer's state begin with there.</summary>
    public const string OptimizerPrefix = "optimizer.";

    private static readonly string[] Prefixes = ["module.", "_orig_mod."];

    private WeightsFile(
        string path,
        Dictionary<string, Tensor> tensors,
        Dictionary<string, string> aliases,
        Size3? patch,
        NnUNetCheckpoint? checkpoint)
    {
        var prefix = Prefix(tensors.Keys);
        Path = path;
        Tensors = tensors.ToDictionary(entry => entry.Key[prefix.Length..], entry => entry.Value);
        Aliases = aliases.ToDictionary(entry => entry.Key[prefix.Length..], entry => entry.Value[prefix.Length..]);
        Patch = patch ?? checkpoint?.Patch;
        Checkpoint = checkpoint;
    }

    /// <summary>The file.</summary>
    public string Path { get; }

    /// <summary>
    /// The tensors by name, without the prefixes of DistributedDataParallel (<c>module.</c>) and torch.compile
    /// (<c>_orig_mod.</c>).
    /// </summary>
    public IReadOnlyDictionary<string, Tensor> Tensors { get; }

    /// <summary>Names that stand for the same parameter as an earlier name, with that name.</summary>
    public IReadOnlyDictionary<string, string> Aliases { get; }

    /// <summary>The patch that the weights were made for, if the file says so.</summary>
    public Size3? Patch { get; }

    /// <summary>What an nnU-Net v2 checkpoint says beside its weights; null for other files.</summary>
    public NnUNetCheckpoint? Checkpoint { get; }

    /// <summary>Reads a file.</summary>
    /// <exception cref="ModelException">
    /// The file is missing, damaged, of another format, or names something outside the closed list.
    /// </exception>
    public static WeightsFile Read(string path)
    {
        using var scope = NewDisposeScope();
        try
        {
            using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, 1 << 16);
            return Read(path, stream);
        }
        catch (Exception cause) when (cause is InvalidDataException or EndOfStreamException)
        {
            throw new ModelException($"{path}: cannot be read as weights: {cause.Message}", cause);
        }
        catch (Exception cause) when (cause is IOException or UnauthorizedAccessException)
        {
            throw new ModelException($"{path}: cannot be read: {cause.Message}", cause);
        }
    }

    /// <summary>Writes tensors as torch.save would: a file that torch.load(weights_only=True) loads.</summary>
    /// <param name="stream">A seekable stream; it stays open.</param>
    /// <param name="tensors">The tensors by name, of any device.</param>
    /// <param name="checkpoint">With it the file is an nnU-Net v2 checkpoint without an optimizer.</param>
    /// <exception cref="ModelException">A tensor of a type that is not written.</exception>
    public static void WritePyTorch(
        Stream stream, IReadOnlyDictionary<string, Tensor> tensors, NnUNetCheckpoint? checkpoint = null) =>
        TorchFile.Write(stream, tensors, checkpoint);

    /// <summary>Disposes the tensors.</summary>
    public void Dispose()
    {
        foreach (var tensor in Tensors.Values)
        {
            tensor.Dispose();
        }
    }

    private static WeightsFile Read(string path, Stream stream)
    {
        Span<byte> first = stackalloc byte[sizeof(ulong) + 1];
        var length = stream.ReadAtLeast(first, first.Length, throwOnEndOfStream: false);
        stream.Position = 0;
        if (first.StartsWith("PK\x03\x04"u8))
        {
            var (tensors, aliases, checkpoint) = TorchFile.Read(stream);
            return new WeightsFile(path, tensors, aliases, null, checkpoint);
        }

        if (length == first.Length && first[^1] == (byte)'{' && BinaryPrimitives.ReadInt64LittleEndian(first) > 0)
        {
            var file = Safetensors.Read(stream, path);
            return new WeightsFile(path, WithoutOptimizer(file.Tensors), [], StateDict.PatchOf(file), null);
        }

        throw new InvalidDataException(first[0] == (byte)PickleOpcode.Proto
            ? "it has the layout that torch.save had before PyTorch 1.6: load it there and save it anew"
            : "neither a zip archive of torch.save nor a safetensors file");
    }

    /// <summary>The weights of a checkpoint of this program, which holds its optimizer's state beside them; all tensors of
    /// another file.</summary>
    private static Dictionary<string, Tensor> WithoutOptimizer(IReadOnlyDictionary<string, Tensor> tensors)
    {
        var groups = tensors.ToLookup(entry => entry.Key.StartsWith(OptimizerPrefix, StringComparison.Ordinal));
        if (!groups[false].All(entry => entry.Key.StartsWith(NetworkPrefix, StringComparison.Ordinal)))
        {
            return tensors.ToDictionary();
        }

        foreach (var (_, tensor) in groups[true])
        {
            tensor.Dispose();
        }

        return groups[false].ToDictionary(entry => entry.Key[NetworkPrefix.Length..], entry => entry.Value);
    }

    /// <summary>The prefixes that every name has, one after the other.</summary>
    private static string Prefix(IReadOnlyCollection<string> names)
    {
        var prefix = "";
        while (names.Count > 0
            && Prefixes.FirstOrDefault(next => names.All(name => name.StartsWith(prefix + next, StringComparison.Ordinal))) is { } found)
        {
            prefix += found;
        }

        return prefix;
    }
}
