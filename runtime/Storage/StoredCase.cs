using System.Numerics.Tensors;
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
    private readonly MappedNpy image;
    private readonly MappedNpy segmentation;
    private readonly MappedNpy locations;
    private readonly int[] shape;

    internal StoredCase(CaseFilesInStore files)
    {
        Id = files.CaseId;
        if (!File.Exists(files.Properties))
            throw new UserException(
                $"{files.Properties}: no such file: case {Id} is not preprocessed, or not to its end; "
                + "preprocess the dataset");
        var fields = JsonFields.Read(files.Properties);
        Properties = CaseProperties.From(fields);
        image = new MappedNpy(files.Image);
        try
        {
            locations = new MappedNpy(files.Locations);
            Locations = Divide(locations.Memory<int>(), fields, files.Locations);
            segmentation = new MappedNpy(files.Segmentation);
            if (image.Header is not { Type: "<f4", Shape.Length: 4 })
                throw new UserException(
                    $"{files.Image}: should hold float32 of channel, z, y, x; preprocess the case again");
            if (segmentation.Header.Type is not ("|i1" or "<i2")
                || segmentation.Header.Shape is not [1, .. var axes] || !axes.SequenceEqual(image.Header.Shape[1..]))
                throw new UserException(
                    $"{files.Segmentation}: should hold int8 or int16 of the image's shape; preprocess the case again");
        }
        catch
        {
            Dispose();
            throw;
        }

        shape = [.. image.Header.Shape[1..].Select(axis => (int)axis)];
    }

    /// <inheritdoc />
    public string Id { get; }

    /// <inheritdoc />
    public int Channels => (int)image.Header.Shape[0];

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
        var volume = shape[0] * shape[1] * shape[2];
        for (var channel = 0; channel < Channels; channel++)
            PatchCopy.Copy(
                image.Values<float>().Slice(channel * volume, volume), shape, corner, size,
                imagePatch.Slice(channel * voxels, voxels), 0f, (from, to) => from.CopyTo(to));
        if (segmentation.Header.Type == "|i1")
            PatchCopy.Copy(
                segmentation.Values<sbyte>(), shape, corner, size, segmentationPatch[..voxels], (short)-1,
                (from, to) => TensorPrimitives.ConvertTruncating(from, to));
        else
            PatchCopy.Copy(
                segmentation.Values<short>(), shape, corner, size, segmentationPatch[..voxels], (short)-1,
                (from, to) => from.CopyTo(to));
    }

    /// <summary>The whole image, in memory.</summary>
    public ImageArray<float> ReadImage() => new(image.Values<float>().ToArray(), Channels, [.. shape]);

    /// <summary>The whole label map, in memory.</summary>
    public ImageArray<short> ReadSegmentation()
    {
        if (segmentation.Header.Type == "<i2")
            return new(segmentation.Values<short>().ToArray(), 1, [.. shape]);
        var result = new ImageArray<short>(1, [.. shape]);
        TensorPrimitives.ConvertTruncating(segmentation.Values<sbyte>(), result.Data.AsSpan());
        return result;
    }

    /// <inheritdoc />
    public void Dispose()
    {
        image?.Dispose();
        segmentation?.Dispose();
        locations?.Dispose();
    }

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
