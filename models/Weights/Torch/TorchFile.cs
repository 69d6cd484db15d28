using System.IO.Compression;
using static TorchSharp.torch;

namespace MedSegDsl.Models;

/// <summary>
/// Weights in PyTorch's files (.pth, .pt): a state dict as it is, or inside a checkpoint of nnU-Net v2
/// (<c>network_weights</c>) or of another program (<c>state_dict</c>, <c>model</c>, …).
/// </summary>
internal static class TorchFile
{
    private const string Folder = "archive";
    private const int MostWrappers = 3;

    private static readonly string[] Wrappers =
        [NnUNetRecord.Weights, "state_dict", "model_state_dict", "model", "net", "network", "weights"];

    /// <summary>Reads the weights of a file.</summary>
    /// <param name="stream">A seekable stream; it is closed.</param>
    /// <exception cref="InvalidDataException">What is refused or damaged, without the file's name.</exception>
    public static (Dictionary<string, Tensor> Tensors, Dictionary<string, string> Aliases, NnUNetCheckpoint? Checkpoint) Read(
        Stream stream)
    {
        using var archive = new TorchArchive(stream);
        if (archive.Content is not PickleDictionary content)
        {
            throw new InvalidDataException("it holds no dictionary: save a state_dict(), not a module");
        }

        var described = TensorsOf(StateDictOf(content));
        if (described.Count == 0)
        {
            throw new InvalidDataException(
                $"it holds no weights: its entries are {string.Join(", ", content.Items.Select(item => item.Key))}");
        }

        var checkpoint = NnUNetRecord.Read(content);
        return (described.ToDictionary(entry => entry.Name, entry => archive.Read(entry.Tensor)), Aliases(described), checkpoint);
    }

    /// <summary>Writes a state dict; a parameter with several names has its numbers in the file once.</summary>
    /// <param name="stream">A seekable stream; it stays open.</param>
    /// <param name="tensors">The tensors by name, of any device.</param>
    /// <param name="checkpoint">With it the file is an nnU-Net v2 checkpoint without an optimizer.</param>
    /// <exception cref="ModelException">A tensor of a type that is not written.</exception>
    public static void Write(Stream stream, IReadOnlyDictionary<string, Tensor> tensors, NnUNetCheckpoint? checkpoint)
    {
        var stored = tensors.Values.DistinctBy(tensor => tensor.Handle).ToList();
        var keys = stored.Select((tensor, i) => (tensor.Handle, Key: $"{i}")).ToDictionary(pair => pair.Handle, pair => pair.Key);
        var entries = tensors.Select(entry => (entry.Key, entry.Value, keys[entry.Value.Handle]));
        using var zip = new ZipArchive(stream, ZipArchiveMode.Create, leaveOpen: true);
        Record(zip, "data.pkl", data => Pickle(data, entries, checkpoint));
        Record(zip, "byteorder", data => data.Write("little"u8));
        foreach (var tensor in stored)
        {
            Record(zip, $"data/{keys[tensor.Handle]}", data => TensorBytes.Write(data, tensor));
        }

        Record(zip, "version", data => data.Write("3\n"u8));
    }

    private static void Pickle(
        Stream stream, IEnumerable<(string Name, Tensor Tensor, string Key)> entries, NnUNetCheckpoint? checkpoint)
    {
        // The pickle's instructions are a few bytes each.
        using var buffered = new BufferedStream(stream);
        var writer = new PickleWriter(buffered);
        writer.Begin();
        if (checkpoint is null)
        {
            writer.StateDict(entries);
        }
        else
        {
            NnUNetRecord.Write(writer, checkpoint, () => writer.StateDict(entries));
        }

        writer.End();
    }

    private static void Record(ZipArchive zip, string name, Action<Stream> write)
    {
        var entry = zip.CreateEntry($"{Folder}/{name}", CompressionLevel.NoCompression);

        // The same weights give the same bytes.
        entry.LastWriteTime = new DateTimeOffset(1980, 1, 1, 0, 0, 0, TimeSpan.Zero);
        using var data = entry.Open();
        write(data);
    }

    /// <summary>The dictionary with the tensors: the content itself, or what a wrapper's name leads to.</summary>
    private static PickleDictionary StateDictOf(PickleDictionary content)
    {
        for (var depth = 0; depth < MostWrappers; depth++)
        {
            if (Wrappers.Select(name => content[name]).OfType<PickleDictionary>().FirstOrDefault() is not { } inner)
            {
                break;
            }

            content = inner;
        }

        return content;
    }

    private static List<(string Name, TorchTensor Tensor)> TensorsOf(PickleDictionary content) =>
        [.. content.Items
            .Where(item => item is { Key: string, Value: TorchTensor })
            .Select(item => ((string)item.Key!, (TorchTensor)item.Value!))];

    /// <summary>Names whose numbers are those of an earlier name.</summary>
    private static Dictionary<string, string> Aliases(List<(string Name, TorchTensor Tensor)> described)
    {
        var aliases = new Dictionary<string, string>();
        foreach (var group in described.GroupBy(entry => (entry.Tensor.Storage.Key, entry.Tensor.Offset)))
        {
            var first = group.First();
            foreach (var other in group.Skip(1).Where(other => other.Tensor.IsSameAs(first.Tensor)))
            {
                aliases.Add(other.Name, first.Name);
            }
        }

        return aliases;
    }
}
