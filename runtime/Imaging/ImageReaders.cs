using MedSegDsl.Runtime.Dataset;
using MedSegDsl.Runtime.Imaging.Itk;
using MedSegDsl.Runtime.Imaging.Natural;
using MedSegDsl.Runtime.Imaging.Tiff;
using MedSegDsl.Runtime.Nifti;

namespace MedSegDsl.Runtime.Imaging;

/// <summary>All readers, and nnU-Net's rule for choosing one
/// (nnunetv2/imageio/reader_writer_registry.py).</summary>
public static class ImageReaders
{
    /// <summary>Every reader, in the order in which they are tried.</summary>
    public static IReadOnlyList<IImageReader> All { get; } =
    [
        new NaturalImageReader(),
        new SimpleItkReader(),
        new Tiff3DReader(),
        new NiftiReader(NiftiConvention.Nibabel),
        new NiftiReader(NiftiConvention.NibabelReoriented),
    ];

    /// <summary>The reader that plans or dataset.json name.</summary>
    /// <exception cref="UserException">There is no reader of this name.</exception>
    public static IImageReader ByName(string name) => All.FirstOrDefault(reader => reader.Name == name)
        ?? throw new UserException($"No image reader \"{name}\"; there are {string.Join(", ", All.Select(reader => reader.Name))}");

    /// <summary>The reader for a dataset: the one that dataset.json names, else the first one for its file
    /// ending that can open the example.</summary>
    /// <param name="dataset">dataset.json.</param>
    /// <param name="example">An image of the dataset, or null to go by the ending alone.</param>
    /// <exception cref="UserException">No reader fits; for one ending, the line says why the example could
    /// not be opened.</exception>
    public static IImageReader For(DatasetJson dataset, string? example) => dataset.ImageReaderWriter is { } name
        ? ByName(name)
        : ForEnding(dataset.FileEnding, example);

    /// <summary>The first reader for a file ending that can open the example.</summary>
    /// <exception cref="UserException">No reader fits.</exception>
    public static IImageReader ForEnding(string ending, string? example)
    {
        UserException? refusal = null;
        foreach (var reader in All.Where(reader => reader.FileEndings.Contains(ending.ToLowerInvariant())))
        {
            try
            {
                if (example is not null)
                    reader.Read(example);
                return reader;
            }
            catch (UserException cause)
            {
                refusal ??= cause;
            }
        }

        throw refusal ?? new UserException(
            $"No reader for files ending in {ending}; known are {string.Join(", ", All.SelectMany(reader => reader.FileEndings).Distinct())}");
    }

    /// <summary>The reader for a file by its ending alone, for looking at it.</summary>
    /// <exception cref="UserException">No reader knows the ending.</exception>
    public static IImageReader ForFile(string file) => All.FirstOrDefault(
            reader => reader.FileEndings.Any(ending => file.EndsWith(ending, StringComparison.OrdinalIgnoreCase)))
        ?? throw new UserException(
            $"{file}: unknown file ending; known are {string.Join(", ", All.SelectMany(reader => reader.FileEndings).Distinct())}");

    /// <summary>Reads the channel files of a case and stacks them; the geometry is that of the first
    /// file.</summary>
    /// <param name="reader">The reader.</param>
    /// <param name="files">The files, channel 0 first.</param>
    /// <param name="warn">Told where an affine differs from the first file's, which nnU-Net accepts.</param>
    /// <exception cref="UserException">A file cannot be read, or shape or spacing differ between
    /// files.</exception>
    public static LoadedImage<float> ReadChannels(
        this IImageReader reader, IReadOnlyList<string> files, Action<string>? warn = null)
    {
        if (files.Count == 0)
            throw new ArgumentException("no files");
        var first = reader.Read(files[0]);
        if (files.Count == 1)
            return first;
        List<ImageArray<float>> channels = [first.Voxels];
        foreach (var file in files.Skip(1))
        {
            var (voxels, geometry) = reader.Read(file);
            if (!voxels.Shape.AsSpan().SequenceEqual(first.Voxels.Shape))
                throw new UserException(
                    $"{file}: shape {Text(voxels.Shape)} (z, y, x), but {Path.GetFileName(files[0])} has {Text(first.Voxels.Shape)}: all channels of a case need one grid");
            if (!geometry.HasSpacingOf(first.Geometry))
                throw new UserException(
                    $"{file}: spacing {Text(geometry.Spacing)} mm (z, y, x), but {Path.GetFileName(files[0])} has {Text(first.Geometry.Spacing)}: all channels of a case need one grid");
            if (!geometry.HasAffineOf(first.Geometry))
                warn?.Invoke($"{file}: its affine differs from that of {Path.GetFileName(files[0])}; check that they overlap");
            channels.Add(voxels);
        }

        var stacked = new ImageArray<float>(channels.Sum(voxels => voxels.Channels), first.Voxels.Shape);
        var offset = 0;
        foreach (var voxels in channels)
        {
            voxels.Data.CopyTo(stacked.Data, offset);
            offset += voxels.Data.Length;
        }

        return new(stacked, first.Geometry);
    }

    private static string Text<T>(IEnumerable<T> values) =>
        string.Join(" × ", values.Select(value => FormattableString.Invariant($"{value}")));
}
