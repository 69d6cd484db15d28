using System.IO.Compression;
using static TorchSharp.torch;

namespace MedSegDsl.Models;

/// <summary>
/// The zip archive that torch.save writes since PyTorch 1.6: a folder with <c>data.pkl</c>, the objects as a pickle, and
/// <c>data/KEY</c>, the numbers of each storage, uncompressed. Reading runs nothing (<see cref="PickleReader"/>).
/// </summary>
internal sealed class TorchArchive : IDisposable
{
    private const string Pickle = "data.pkl";
    private const int MostPickleBytes = 1 << 28;

    private readonly ZipArchive zip;
    private readonly Dictionary<string, ZipArchiveEntry> records;
    private readonly Dictionary<(string Key, ScalarType Type), Tensor> storages = [];

    /// <summary>Opens an archive and reads its pickle.</summary>
    /// <param name="stream">A seekable stream; the archive closes it.</param>
    /// <exception cref="InvalidDataException">What is refused or damaged, without the file's name.</exception>
    public TorchArchive(Stream stream)
    {
        zip = new ZipArchive(stream, ZipArchiveMode.Read);
        records = Records(zip);
        if (records.TryGetValue("byteorder", out var order) && Words(order) != "little")
        {
            throw new InvalidDataException("its numbers are big endian, which is not read");
        }

        Content = new PickleReader(Bytes(Record(Pickle), MostPickleBytes), Storage).Read();
    }

    /// <summary>The pickled object; tensors in it are <see cref="TorchTensor"/>.</summary>
    public object? Content { get; }

    /// <summary>
    /// A tensor on the CPU that shares memory with the others of its storage; the caller disposes it.
    /// </summary>
    /// <exception cref="InvalidDataException">The storage is missing or cut short.</exception>
    public Tensor Read(TorchTensor tensor)
    {
        var key = (tensor.Storage.Key, tensor.Type);
        if (!storages.TryGetValue(key, out var storage))
        {
            storage = Load(tensor.Storage, tensor.Type).DetachFromDisposeScope();
            storages.Add(key, storage);
        }

        return storage.as_strided(tensor.Shape, tensor.Strides, tensor.Offset).DetachFromDisposeScope();
    }

    /// <summary>Closes the file; tensors that were read stay.</summary>
    public void Dispose()
    {
        foreach (var storage in storages.Values)
        {
            storage.Dispose();
        }

        zip.Dispose();
    }

    /// <summary>The archive's records without the folder that all of them lie in.</summary>
    private static Dictionary<string, ZipArchiveEntry> Records(ZipArchive zip)
    {
        var pickles = zip.Entries.Where(entry => entry.Name == Pickle).ToList();
        if (pickles.Count != 1)
        {
            throw new InvalidDataException($"a zip archive with {pickles.Count} data.pkl instead of one: not written by torch.save");
        }

        var folder = pickles[0].FullName[..^Pickle.Length];
        var records = new Dictionary<string, ZipArchiveEntry>();
        foreach (var entry in zip.Entries.Where(entry => entry.FullName.StartsWith(folder, StringComparison.Ordinal)))
        {
            if (!records.TryAdd(entry.FullName[folder.Length..], entry))
            {
                throw new InvalidDataException($"the record {entry.FullName} is there twice");
            }
        }

        return records.ContainsKey("constants.pkl")
            ? throw new InvalidDataException("a TorchScript program, not weights: save its state_dict() with torch.save")
            : records;
    }

    private static string Words(ZipArchiveEntry entry) => System.Text.Encoding.ASCII.GetString(Bytes(entry, 64)).Trim();

    private static byte[] Bytes(ZipArchiveEntry entry, int most)
    {
        if (entry.Length > most)
        {
            throw new InvalidDataException($"the record {entry.FullName} has {entry.Length} bytes; up to {most} are read");
        }

        var bytes = new byte[entry.Length];
        using var stream = entry.Open();
        stream.ReadExactly(bytes);
        return bytes;
    }

    private ZipArchiveEntry Record(string name) =>
        records.TryGetValue(name, out var entry) ? entry : throw new InvalidDataException($"the record {name} is missing");

    /// <summary>The storage of a persistent id: ("storage", class, key, location, elements).</summary>
    private static object? Storage(object? id)
    {
        if (id is PickleTuple { Items: ["storage", PickleGlobal type, string key, _, long count, ..] }
            && PickleGlobals.IsStorage(type) && count >= 0)
        {
            return new TorchStorage(key, PickleGlobals.StorageType(type), count);
        }

        throw new InvalidDataException("its pickle refers to something that is no storage");
    }

    private Tensor Load(TorchStorage storage, ScalarType type)
    {
        var record = Record($"data/{storage.Key}");
        var size = TensorBytes.ElementSize(type);
        var count = storage.Type is null ? storage.Count / size : storage.Count;

        // Storages lie uncompressed, so that a file cannot ask for more memory than it has bytes.
        if (record.Length != record.CompressedLength || record.Length / size < count)
        {
            throw new InvalidDataException(
                $"the record {record.FullName} has {record.CompressedLength} bytes instead of {(Int128)count * size}");
        }

        var tensor = empty([count], type);
        using var stream = record.Open();
        TensorBytes.Read(stream, tensor);
        return tensor;
    }
}
