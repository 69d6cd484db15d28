using MedSegDsl.Runtime.Imaging;
using MedSegDsl.Runtime.Storage.Blosc2;

namespace MedSegDsl.Runtime.Storage;

/// <summary>
/// A label map of z, y, x, mapped: what the first stage of a cascade says about a case, as .npy (this program's), .npz or
/// .b2nd (nnU-Net's too). Any number of threads may read it until it is disposed.
/// </summary>
public sealed class StoredLabels : IDisposable
{
    private static readonly string[] Endings = [".npy", ".b2nd", ".npz"];
    private readonly IStoredVolume file;

    /// <summary>Maps a file.</summary>
    /// <exception cref="UserException">The file is missing, damaged or something else.</exception>
    public StoredLabels(string path)
    {
        var (plain, packed, archive) = (Path.ChangeExtension(path, ".npy"), Path.ChangeExtension(path, ".b2nd"), Path.ChangeExtension(path, ".npz"));
        file = Path.GetExtension(path) == ".npy" ? new MappedNpy(path) : StoredVolumes.Open(plain, packed, archive, "seg");
        if (file.Shape.Length == 3 && file.Type is "|i1" or "<i2" or "|u1" or "<u2")
        {
            Shape = [.. file.Shape.Select(axis => (int)axis)];
            return;
        }

        var found = $"{file.Type} of {string.Join(" × ", file.Shape)}";
        file.Dispose();
        throw new UserException($"{path}: {found}; labels of z, y, x as whole numbers of 8 or 16 bits are expected");
    }

    /// <summary>The file of a case, in whichever form it is there; null where there is none.</summary>
    public static string? Find(string folder, string caseId) =>
        Endings.Select(ending => Path.Combine(folder, caseId + ending)).FirstOrDefault(File.Exists);

    /// <summary>Writes a case's label map in the form of the preprocessed cases, for nnU-Net reads only one; another form of
    /// it goes.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="caseId">The case.</param>
    /// <param name="labels">One channel.</param>
    /// <param name="compress">Whether the preprocessed cases are compressed.</param>
    /// <exception cref="UserException">A file cannot be written.</exception>
    public static void Write(string folder, string caseId, ImageArray<short> labels, bool compress)
    {
        var path = Path.Combine(folder, caseId + (compress ? ".b2nd" : ".npy"));
        Write(path, labels);
        while (Find(folder, caseId) is { } other && other != path)
            File.Delete(other);
    }

    /// <summary>Voxels along z, y, x.</summary>
    public int[] Shape { get; }

    /// <summary>Writes a label map, whole or not at all.</summary>
    /// <param name="path">The file, ending in .npy or .b2nd; replaced if it exists.</param>
    /// <param name="labels">One channel.</param>
    /// <exception cref="UserException">The file cannot be written.</exception>
    public static void Write(string path, ImageArray<short> labels)
    {
        if (labels.Data.Any(label => label > sbyte.MaxValue))
            Write<short>(path, labels.Shape, labels.Data);
        else
            Write<sbyte>(path, labels.Shape, Array.ConvertAll(labels.Data, label => (sbyte)label));
    }

    /// <summary>Copies a patch; −1 outside the map.</summary>
    /// <param name="corner">Lower corner z, y, x; may lie outside.</param>
    /// <param name="size">Voxels along z, y, x.</param>
    /// <param name="target">Receives z, y, x.</param>
    public void ReadPatch(ReadOnlySpan<int> corner, ReadOnlySpan<int> size, Span<short> target) =>
        file.ReadPatch(0, corner, size, target, (short)-1);

    /// <summary>The whole label map, in memory.</summary>
    public ImageArray<short> Read()
    {
        ImageArray<short> result = new(1, Shape);
        ReadPatch([0, 0, 0], Shape, result.Data);
        return result;
    }

    /// <inheritdoc />
    public void Dispose() => file.Dispose();

    private static void Write<T>(string path, int[] shape, T[] values) where T : unmanaged
    {
        long[] axes = [.. shape.Select(axis => (long)axis)];
        if (Path.GetExtension(path) == ".b2nd")
            Blosc2File.Write<T>(path, axes, values);
        else
            NpyFile.Write<T>(path, axes, values);
    }
}
