using System.Text.Json.Nodes;
using MedSegDsl.Runtime.Files;
using MedSegDsl.Runtime.Preprocessing;

namespace MedSegDsl.Runtime.Storage;

/// <summary>
/// Preprocessed cases in a folder, uncompressed, so that a patch costs the pages it lies on. A case is four
/// files: <c>CASE.npy</c> (image, float32: channel, z, y, x), <c>CASE_seg.npy</c> (labels, int8 or int16: 1,
/// z, y, x), <c>CASE_locations.npy</c> (int32: n, 3) and <c>CASE.json</c> (properties). Compressed, image and
/// labels are <c>CASE.zvol</c> and <c>CASE_seg.zvol</c> (<see cref="ChunkedFile"/>); a folder may hold both
/// kinds of case. The JSON file is written last and removed first: a case without it does not count.
/// </summary>
public static class VolumeStore
{
    /// <summary>Writes a case; one that exists is replaced.</summary>
    /// <param name="folder">The folder of a configuration's data; made if missing.</param>
    /// <param name="caseId">The case identifier.</param>
    /// <param name="preprocessed">The case.</param>
    /// <param name="compress">Less room on disk, but patches are read more slowly.</param>
    /// <exception cref="UserException">A file cannot be written.</exception>
    public static void Write(string folder, string caseId, PreprocessedCase preprocessed, bool compress = false)
    {
        var files = new CaseFilesInStore(folder, caseId);
        Remove(folder, caseId);
        var (image, segmentation) = (preprocessed.Image, preprocessed.Segmentation);
        WriteVolume<float>(files.Image, files.CompressedImage, [image.Channels, .. Axes(image.Shape)], image.Data, compress);
        long[] shape = [1, .. Axes(segmentation.Shape)];
        // nnU-Net's rule: int8 unless a label is above 127.
        if (segmentation.Data.Any(label => label > sbyte.MaxValue))
            WriteVolume<short>(files.Segmentation, files.CompressedSegmentation, shape, segmentation.Data, compress);
        else
            WriteVolume<sbyte>(
                files.Segmentation,
                files.CompressedSegmentation,
                shape,
                Array.ConvertAll(segmentation.Data, label => (sbyte)label),
                compress);
        int[] locations = [.. preprocessed.Locations.SelectMany(l => l.Voxels.ToArray())];
        NpyFile.Write<int>(files.Locations, [locations.Length / 3, 3], locations);
        var properties = preprocessed.Properties.ToJson();
        properties["class_locations"] = new JsonArray([.. preprocessed.Locations.Select(l => new JsonObject
        {
            ["labels"] = PythonJson.List([.. l.Labels]),
            ["count"] = l.Count,
        })]);
        PythonJson.Write(files.Properties, properties);
    }

    /// <summary>Opens a complete case for reading; the caller disposes it.</summary>
    /// <param name="folder">The folder of a configuration's data.</param>
    /// <param name="caseId">The case identifier.</param>
    /// <param name="previousStageFile">What the first stage of a cascade said about the case (<see cref="StoredLabels"/>).</param>
    /// <exception cref="UserException">The case is missing, half written, or its files do not fit
    /// together.</exception>
    public static StoredCase Open(string folder, string caseId, string? previousStageFile = null) =>
        new(new CaseFilesInStore(folder, caseId), previousStageFile);

    /// <summary>Whether a case is there, whole.</summary>
    public static bool IsComplete(string folder, string caseId)
    {
        var files = new CaseFilesInStore(folder, caseId);
        return File.Exists(files.Properties) && File.Exists(files.Locations)
            && (File.Exists(files.Image) || File.Exists(files.CompressedImage))
            && (File.Exists(files.Segmentation) || File.Exists(files.CompressedSegmentation));
    }

    /// <summary>The complete cases of a folder, in ordinal order; none where the folder is missing.</summary>
    public static IReadOnlyList<string> CompleteCases(string folder) => Directory.Exists(folder)
        ?
        [
            .. Directory.EnumerateFiles(folder, "*.json")
                .Select(path => Path.GetFileNameWithoutExtension(path))
                .Where(caseId => IsComplete(folder, caseId))
                .Order(StringComparer.Ordinal),
        ]
        : [];

    /// <summary>Makes a case incomplete, so that it does not count until it is written again.</summary>
    /// <exception cref="UserException">The folder cannot be written to.</exception>
    public static void Remove(string folder, string caseId)
    {
        Delete(new CaseFilesInStore(folder, caseId).Properties);
    }

    // Of the two forms of a volume only the new one stays.
    private static void WriteVolume<T>(string plain, string compressed, long[] shape, ReadOnlyMemory<T> values, bool compress)
        where T : unmanaged
    {
        if (compress)
            ChunkedFile.Write(compressed, shape, values);
        else
            NpyFile.Write(plain, shape, values);
        Delete(compress ? plain : compressed);
    }

    private static void Delete(string path)
    {
        try
        {
            if (File.Exists(path))
                File.Delete(path);
        }
        catch (Exception cause) when (cause is IOException or UnauthorizedAccessException)
        {
            throw new UserException($"{path}: cannot be replaced: {cause.Message}", cause);
        }
    }

    private static IEnumerable<long> Axes(int[] shape) => shape.Select(axis => (long)axis);
}

/// <summary>The files of one stored case.</summary>
internal sealed record CaseFilesInStore(string Folder, string CaseId)
{
    public string Image => Path.Combine(Folder, CaseId + ".npy");

    public string CompressedImage => Path.Combine(Folder, CaseId + ".zvol");

    public string Segmentation => Path.Combine(Folder, CaseId + "_seg.npy");

    public string CompressedSegmentation => Path.Combine(Folder, CaseId + "_seg.zvol");

    public string Locations => Path.Combine(Folder, CaseId + "_locations.npy");

    public string Properties => Path.Combine(Folder, CaseId + ".json");
}
