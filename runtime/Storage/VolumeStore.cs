using MedSegDsl.Runtime.Preprocessing;
using MedSegDsl.Runtime.Storage.Blosc2;

namespace MedSegDsl.Runtime.Storage;

/// <summary>
/// Preprocessed cases in a folder, under nnU-Net v2's names, so that both programs train from it. Uncompressed, a case is
/// <c>CASE.npz</c> with the arrays <c>data</c> (float32: channel, z, y, x) and <c>seg</c> (int8 or int16: 1, z, y, x), which
/// is mapped, so that a patch costs the pages it lies on. Compressed, it is <c>CASE.b2nd</c> and <c>CASE_seg.b2nd</c>. Beside
/// them are <c>CASE.pkl</c> (properties) and <c>CASE_locations.npy</c> (<see cref="StoredLocations"/>), which nnU-Net does
/// not look at. The properties are written last and removed first: a case without them does not count.
/// </summary>
/// <remarks>nnU-Net takes a folder for one form by its file endings, so that all cases of a folder should have one.</remarks>
public static class VolumeStore
{
    /// <summary>Writes a case; one that exists is replaced.</summary>
    /// <param name="folder">The folder of a configuration's data; made if missing.</param>
    /// <param name="caseId">The case identifier.</param>
    /// <param name="preprocessed">The case.</param>
    /// <param name="compress">Less room on disk, but patches are read more slowly.</param>
    /// <param name="origin">Where it comes from; without it nnU-Net trains from the case, but cannot write predictions on its
    /// grid.</param>
    /// <exception cref="UserException">A file cannot be written.</exception>
    public static void Write(
        string folder, string caseId, PreprocessedCase preprocessed, bool compress = false, CaseOrigin? origin = null)
    {
        CaseFilesInStore files = new(folder, caseId);
        Remove(folder, caseId);
        // nnU-Net's rule: int8 unless a label is above 127.
        var labels = preprocessed.Segmentation.Data;
        if (labels.Any(label => label > sbyte.MaxValue))
            WriteVolumes<short>(files, preprocessed, labels, compress);
        else
            WriteVolumes<sbyte>(files, preprocessed, Array.ConvertAll(labels, label => (sbyte)label), compress);
        StoredLocations.Write(files.Locations, preprocessed.Locations);
        CasePickle.Write(files.Properties, preprocessed.Properties, preprocessed.Locations, origin);
    }

    /// <summary>Opens a complete case for reading, whichever program wrote it; the caller disposes it.</summary>
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
        CaseFilesInStore files = new(folder, caseId);
        return File.Exists(files.Properties)
            && (File.Exists(files.Archive)
                || File.Exists(files.PackedImage) && File.Exists(files.PackedSegmentation));
    }

    /// <summary>The complete cases of a folder, in ordinal order; none where the folder is missing.</summary>
    public static IReadOnlyList<string> CompleteCases(string folder) => Directory.Exists(folder)
        ?
        [
            .. Directory.EnumerateFiles(folder, "*" + CasePickle.Ending)
                .Select(path => Path.GetFileNameWithoutExtension(path))
                .Where(caseId => IsComplete(folder, caseId))
                .Order(StringComparer.Ordinal),
        ]
        : [];

    /// <summary>Removes a case, its properties first: whatever stops this, half of it does not count.</summary>
    /// <exception cref="UserException">The folder cannot be written to.</exception>
    public static void Remove(string folder, string caseId)
    {
        foreach (var file in new CaseFilesInStore(folder, caseId).All)
            Delete(file);
    }

    private static void WriteVolumes<T>(CaseFilesInStore files, PreprocessedCase preprocessed, T[] labels, bool compress)
        where T : unmanaged
    {
        var image = preprocessed.Image;
        long[] axes = [.. image.Shape.Select(axis => (long)axis)];
        if (compress)
        {
            Blosc2File.Write<float>(files.PackedImage, [image.Channels, .. axes], image.Data);
            Blosc2File.Write<T>(files.PackedSegmentation, [1, .. axes], labels);
        }
        else
            NpzFile.Write(
                files.Archive,
                ("data", stream => NpyFile.Write<float>(stream, [image.Channels, .. axes], image.Data)),
                ("seg", stream => NpyFile.Write<T>(stream, [1, .. axes], labels)));
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
}

/// <summary>The files of one stored case.</summary>
internal sealed record CaseFilesInStore(string Folder, string CaseId)
{
    /// <summary>Image and labels in one archive.</summary>
    public string Archive => At(".npz");

    /// <summary>The image as nnU-Net unpacks it from the archive.</summary>
    public string Image => At(".npy");

    public string PackedImage => At(".b2nd");

    /// <summary>The labels as nnU-Net unpacks them from the archive.</summary>
    public string Segmentation => At("_seg.npy");

    public string PackedSegmentation => At("_seg.b2nd");

    public string Locations => At("_locations.npy");

    public string Properties => At(CasePickle.Ending);

    /// <summary>Every file that a case may have, the one that makes it count first.</summary>
    public IEnumerable<string> All => [Properties, Archive, Image, Segmentation, PackedImage, PackedSegmentation, Locations];

    private string At(string ending) => Path.Combine(Folder, CaseId + ending);
}
