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
    private readonly MappedNpy? locations;
    private readonly StoredLabels? previousStage;
    private readonly Lazy<CaseProperties> properties;
    private readonly int[] shape;

    internal StoredCase(CaseFilesInStore files, string? previousStageFile = null)
    {
        Id = files.CaseId;
        if (!VolumeStore.IsComplete(files.Folder, files.CaseId))
            throw new UserException(
                $"{files.Properties}: case {Id} is not preprocessed, or not to its end; preprocess the dataset");
        properties = new(() => CasePickle.Read(files.Properties).Properties);
        IsCompressed = !File.Exists(files.Archive);
        image = StoredVolumes.Open(files.Image, files.PackedImage, files.Archive, "data");
        try
        {
            (Locations, locations) = ReadLocations(files);
            segmentation = StoredVolumes.Open(files.Segmentation, files.PackedSegmentation, files.Archive, "seg");
            if (image is not { Type: "<f4", Shape.Length: 4 })
                throw new UserException(
                    $"{files.Properties}: the image should be float32 of channel, z, y, x; preprocess the case again");
            if (segmentation.Type is not ("|i1" or "<i2")
                || segmentation.Shape is not [1, .. var axes] || !axes.SequenceEqual(image.Shape[1..]))
                throw new UserException(
                    $"{files.Properties}: the labels should be int8 or int16 of the image's shape; preprocess the case again");
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
    /// <exception cref="UserException">Its properties cannot be read.</exception>
    public CaseProperties Properties => properties.Value;

    /// <summary>Whether the volumes are compressed (.b2nd).</summary>
    public bool IsCompressed { get; }

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

    /// <summary>The locations, mapped. Of a case that nnU-Net preprocessed they are brought into that form first; where its
    /// folder cannot be written to they are kept in memory.</summary>
    private static (IReadOnlyList<ClassLocations> Locations, MappedNpy? File) ReadLocations(CaseFilesInStore files)
    {
        if (!File.Exists(files.Locations))
        {
            var read = CasePickle.Read(files.Properties).Locations;
            try
            {
                StoredLocations.Write(files.Locations, read);
            }
            catch (UserException)
            {
                return (read, null);
            }
        }

        var mapped = new MappedNpy(files.Locations);
        try
        {
            return (StoredLocations.Of(mapped, files.Locations), mapped);
        }
        catch
        {
            mapped.Dispose();
            throw;
        }
    }
}
