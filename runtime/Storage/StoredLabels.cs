using MedSegDsl.Runtime.Imaging;

namespace MedSegDsl.Runtime.Storage;

/// <summary>
/// A label map of z, y, x in a .npy file, int8 or int16, memory-mapped. Any number of threads may read it until it is
/// disposed.
/// </summary>
public sealed class StoredLabels : IDisposable
{
    private readonly MappedNpy file;

    /// <summary>Maps a file.</summary>
    /// <exception cref="UserException">The file is missing, damaged or something else.</exception>
    public StoredLabels(string path)
    {
        file = new MappedNpy(path);
        if (file.Shape.Length == 3 && file.Type is "|i1" or "<i2")
        {
            Shape = [.. file.Shape.Select(axis => (int)axis)];
            return;
        }

        var found = $"{file.Type} of {string.Join(" × ", file.Shape)}";
        file.Dispose();
        throw new UserException($"{path}: {found}; labels of z, y, x as int8 or int16 are expected");
    }

    /// <summary>Voxels along z, y, x.</summary>
    public int[] Shape { get; }

    /// <summary>Writes a label map, whole or not at all.</summary>
    /// <param name="path">The file; replaced if it exists.</param>
    /// <param name="labels">One channel.</param>
    /// <exception cref="UserException">The file cannot be written.</exception>
    public static void Write(string path, ImageArray<short> labels)
    {
        long[] shape = [.. labels.Shape.Select(axis => (long)axis)];
        if (labels.Data.Any(label => label > sbyte.MaxValue))
            NpyFile.Write<short>(path, shape, labels.Data);
        else
            NpyFile.Write<sbyte>(path, shape, Array.ConvertAll(labels.Data, label => (sbyte)label));
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
}
