using MedSegDsl.Runtime.Files;

namespace MedSegDsl.Runtime.Conversion;

/// <summary>One case of a release, and how nnU-Net's files are made from it.</summary>
/// <param name="Id">The case identifier: <c>amos_0001</c>.</param>
/// <param name="Set">Training or test.</param>
/// <param name="Channels">Number of image files.</param>
/// <param name="WriteImages">Writes one file for each channel to these paths.</param>
/// <param name="WriteLabels">Writes the label map to this path; null where the release has none.</param>
public sealed record ReleaseCase(
    string Id, CaseSet Set, int Channels, Action<IReadOnlyList<string>> WriteImages, Action<string>? WriteLabels)
{
    /// <summary>A case whose images are taken as they are.</summary>
    /// <param name="id">The case identifier.</param>
    /// <param name="set">Training or test.</param>
    /// <param name="images">One file for each channel, channel 0 first.</param>
    /// <param name="writeLabels">Writes the label map; null where there is none.</param>
    public static ReleaseCase OfFiles(string id, CaseSet set, IReadOnlyList<string> images, Action<string>? writeLabels) =>
        new(id, set, images.Count, targets =>
        {
            foreach (var (source, target) in images.Zip(targets))
                Copy(source, target);
        }, writeLabels);

    /// <summary>Copies a file of the release byte for byte.</summary>
    /// <exception cref="UserException">It cannot be read, or the copy cannot be written.</exception>
    public static void Copy(string source, string target)
    {
        using var stream = Open(source);
        AtomicFile.Write(target, stream.CopyTo);
    }

    private static FileStream Open(string source)
    {
        try
        {
            return new(source, FileMode.Open, FileAccess.Read, FileShare.Read, 1 << 16, FileOptions.SequentialScan);
        }
        catch (Exception cause) when (cause is IOException or UnauthorizedAccessException)
        {
            throw new UserException($"{source}: cannot be read: {cause.Message}", cause);
        }
    }
}
