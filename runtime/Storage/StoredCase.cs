using System.Text.Json.Nodes;
using MedSegDsl.Runtime.Files;
using MedSegDsl.Runtime.Imaging;
using MedSegDsl.Runtime.Preprocessing;
using MedSegDsl.Runtime.Training.Loading;
using MedSegDsl.Runtime.Training.Sampling;

namespace MedSegDsl.Runtime.Storage;

/// <summary>A preprocessed case on disk, memory-mapped. Any number of threads may read it until it is
/// disposed.</summary>
public sealed class StoredCase : ITrainingCase, IDisposable
{
    private readonly IStoredVolume image;
    private readonly IStoredVolume segmentation;
    private readonly MappedNpy locations;
    private readonly StoredLabels? previousStage;
    private readonly int[] shape;

    internal StoredCase(CaseFilesInStore files, string? previousStageFile = null)
    {
        Id = files.CaseId;
        if (!File.Exists(files.Properties))
            throw new UserException(
                $"{files.Properties}: no such file: case {Id} is not preprocessed, or not to its end; "
                + "preprocess the dataset");
        var fields = JsonFields.Read(files.Properties);
        Properties = CaseProperties.From(fields);
        image = OpenVolume(files.Image, files.CompressedImage);
        try
        {
            locations = new MappedNpy(files.Locations);
            Locations = Divide(locations.Memory<int>(), fields, files.Locations);
            segmentation = OpenVolume(files.Segmentation, files.CompressedSegmentation);
            if (image is not { Type: "<f4", Shape.Length: 4 })
                throw new UserException(
                    $"{files.Image}: should hold float32 of channel, z, y, x; preprocess the case again");
            if (segmentation.Type is not ("|i1" or "<i2")
                || segmentation.Shape is not [1, .. var axes] || !axes.SequenceEqual(image.Shape[1..]))
                throw new UserException(
                    $"{files.Segmentation}: should hold int8 or int16 of the image's shape; preprocess the case again");
            shape = [.. image.Shape[1..].Select(axis => (int)axis)];
            if (previousStageFile is null)
                return;
            previousStage = new StoredLabels(previousStageFile);
            if (!previousStage.Shape.AsSpan().SequenceEqual(shape))
                throw new UserException(
                    $"{previousStageFile}: {string.Join(" × ", previousStage.Shape)} voxels, but the preprocessed case has "
                    + $"{string.Join(" × ", shape)}: the previous stage was trained under other plans; train it again");
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <inheritdoc />
    public string Id { get; }

    /// <inheritdoc />
    public int Channels => (int)image.Shape[0];

    /// <inheritdoc />
    public int SegmentationChannels => previousStage is null ? 1 : 2;

    /// <inheritdoc />
    public IReadOnlyList<int> Shape => shape;

    /// <inheritdoc />
    public IReadOnlyList<ClassLocations> Locations { get; }

    /// <summary>What was done to the case.</summary>
    public CaseProperties Properties { get; }

    /// <inheritdoc />
    public void ReadPatch(
        ReadOnlySpan<int> corner, ReadOnlySpan<int> size, Span<float> imagePatch, Span<short> segmentationPatch)
    {
        var voxels = size[0] * size[1] * size[2];
        for (var channel = 0; channel < Channels; channel++)
            image.ReadPatch(channel, corner, size, imagePatch.Slice(channel * voxels, voxels), 0f);
        segmentation.ReadPatch(0, corner, size, segmentationPatch[..voxels], (short)-1);
        previousStage?.ReadPatch(corner, size, segmentationPatch.Slice(voxels, voxels));
    }

    /// <summary>The whole image, in memory.</summary>
    public ImageArray<float> ReadImage()
    {
        ImageArray<float> result = new(Channels, [.. shape]);
        for (var channel = 0; channel < Channels; channel++)
            image.ReadPatch(channel, [0, 0, 0], shape, result.Channel(channel), 0f);
        return result;
    }

    /// <summary>The whole label map, in memory.</summary>
    public ImageArray<short> ReadSegmentation()
    {
        ImageArray<short> result = new(1, [.. shape]);
        segmentation.ReadPatch(0, [0, 0, 0], shape, result.Data, (short)-1);
        return result;
    }

    /// <summary>What the first stage of a cascade said about the case; null outside a cascade.</summary>
    public ImageArray<short>? ReadPreviousStage() => previousStage?.Read();

    /// <inheritdoc />
    public void Dispose()
    {
        previousStage?.Dispose();
        image?.Dispose();
        segmentation?.Dispose();
        locations?.Dispose();
    }

    private static IStoredVolume OpenVolume(string plain, string compressed) =>
        File.Exists(plain) || !File.Exists(compressed) ? new MappedNpy(plain) : new ChunkedVolume(compressed);

    /// <summary>The entries that the properties describe, one after the other in the file.</summary>
    private static ClassLocations[] Divide(ReadOnlyMemory<int> voxels, JsonFields fields, string path)
    {
        List<ClassLocations> result = [];
        var entries = fields.Node("class_locations") as JsonArray ?? throw fields.Wrong("class_locations", "a list");
        foreach (var entry in entries.OfType<JsonObject>())
        {
            var described = new JsonFields(entry, $"{fields.Source}: class_locations");
            var length = described.Whole("count") * 3;
            if (length > voxels.Length)
                throw new UserException(
                    $"{path}: holds fewer locations than {fields.Source} says; preprocess the case again");
            result.Add(new ClassLocations(described.Wholes("labels"), voxels[..length]));
            voxels = voxels[length..];
        }

        return [.. result];
    }
}
