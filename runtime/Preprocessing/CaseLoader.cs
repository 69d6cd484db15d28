using System.Numerics.Tensors;
using MedSegDsl.Runtime.Dataset;
using MedSegDsl.Runtime.Imaging;
using MedSegDsl.Runtime.Preprocessing.Resampling;

namespace MedSegDsl.Runtime.Preprocessing;

/// <summary>Reads the files of a case and refuses what cannot be trained on.</summary>
public static class CaseLoader
{
    /// <summary>Reads image and labels of a case.</summary>
    /// <param name="reader">The reader that the plans name.</param>
    /// <param name="files">The files.</param>
    /// <param name="dataset">What the files should hold.</param>
    /// <exception cref="UserException">A file cannot be read, the grids differ, a voxel is NaN or infinite,
    /// or a label is not in dataset.json.</exception>
    public static LoadedCase Load(IImageReader reader, CaseFiles files, DatasetJson dataset)
    {
        var image = reader.ReadChannels(files.Images);
        if (image.Voxels.Channels != dataset.ChannelNames.Count)
            throw new UserException(
                $"{string.Join(", ", files.Images)}: {image.Voxels.Channels} channels, "
                + $"but dataset.json names {dataset.ChannelNames.Count}");
        if (!TensorPrimitives.IsFiniteAll<float>(image.Voxels.Data))
            throw new UserException(
                $"{string.Join(", ", files.Images)}: contains NaN or infinite voxels; replace them");
        var segmentation = files.Label is null ? null : LoadLabels(reader, files.Label, image, dataset);
        return new LoadedCase(image.Voxels, image.Geometry, segmentation);
    }

    /// <summary>Reads the label map of an image.</summary>
    /// <param name="reader">The reader that the plans name.</param>
    /// <param name="file">The label map.</param>
    /// <param name="image">The image that it belongs to.</param>
    /// <param name="dataset">The labels that it may hold.</param>
    /// <exception cref="UserException">The file cannot be read, its grid is not the image's, or a label is not in
    /// dataset.json.</exception>
    public static ImageArray<short> LoadLabels(
        IImageReader reader, string file, LoadedImage<float> image, DatasetJson dataset)
    {
        var labels = reader.ReadLabels(file);
        if (!labels.Voxels.Shape.AsSpan().SequenceEqual(image.Voxels.Shape))
            throw new UserException(
                $"{file}: shape {Text(labels.Voxels.Shape)} (z, y, x), "
                + $"but the image has {Text(image.Voxels.Shape)}");
        if (!labels.Geometry.HasSpacingOf(image.Geometry))
            throw new UserException(
                $"{file}: spacing {Text(labels.Geometry.Spacing)} mm (z, y, x), "
                + $"but the image has {Text(image.Geometry.Spacing)}");
        var manager = dataset.LabelManager;
        var unknown = LabelMasks.Present(labels.Voxels.Data)
            .Where(label => !manager.AllLabels.Contains(label) && label != manager.IgnoreLabel)
            .ToArray();
        return unknown.Length == 0
            ? labels.Voxels
            : throw new UserException($"{file}: labels {string.Join(", ", unknown)} are not in dataset.json");
    }

    private static string Text<T>(IEnumerable<T> values) =>
        string.Join(" × ", values.Select(value => FormattableString.Invariant($"{value}")));
}

/// <summary>A case as its files give it.</summary>
/// <param name="Image">Channels of (z, y, x).</param>
/// <param name="Geometry">Where it lies.</param>
/// <param name="Segmentation">The labels; null for a case to predict.</param>
public sealed record LoadedCase(ImageArray<float> Image, ImageGeometry Geometry, ImageArray<short>? Segmentation)
{
    /// <summary>Spacing in mm along z, y, x.</summary>
    public double[] Spacing => Geometry.Spacing;
}
