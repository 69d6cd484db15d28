using System.IO.Compression;
using System.Runtime.InteropServices;
using MedSegDsl.Runtime.Files;
using MedSegDsl.Runtime.Storage;

namespace MedSegDsl.Runtime.Inference;

/// <summary>
/// Probabilities of one case as nnU-Net stores them: a compressed .npz with the float32 array <c>probabilities</c>
/// (class or region, z, y, x) on the grid of the image file. Read one class after the other.
/// </summary>
public sealed class ProbabilityFile : IDisposable
{
    private const string Entry = "probabilities.npy";
    private readonly string path;
    private readonly ZipArchive archive;
    private readonly Stream content;

    private ProbabilityFile(string path)
    {
        this.path = path;
        archive = ZipFile.OpenRead(path);
        try
        {
            content = (archive.GetEntry(Entry) ?? throw Wrong("holds no array named probabilities")).Open();
            var header = NpyHeader.Read(content, path);
            if (header is not { Type: "<f4", Shape.Length: 4 })
                throw Wrong("its array should be float32 with the axes (class, z, y, x)");
            Classes = (int)header.Shape[0];
            Shape = [.. header.Shape[1..].Select(axis => (int)axis)];
        }
        catch
        {
            archive.Dispose();
            throw;
        }
    }

    /// <summary>Number of classes or regions.</summary>
    public int Classes { get; }

    /// <summary>Voxels along z, y, x.</summary>
    public int[] Shape { get; }

    /// <summary>Opens a file.</summary>
    /// <exception cref="UserException">It is missing, no .npz file, or its array is not float32 of four axes.</exception>
    public static ProbabilityFile Open(string path)
    {
        try
        {
            return new ProbabilityFile(path);
        }
        catch (Exception cause) when (cause is IOException or InvalidDataException or UnauthorizedAccessException)
        {
            throw new UserException($"{path}: cannot be read as .npz: {cause.Message}", cause);
        }
    }

    /// <summary>Reads the next class or region (z · y · x values).</summary>
    /// <exception cref="UserException">The file ends early.</exception>
    public void ReadNext(float[] values)
    {
        try
        {
            content.ReadExactly(MemoryMarshal.AsBytes(values.AsSpan()));
        }
        catch (Exception cause) when (cause is IOException or InvalidDataException)
        {
            throw new UserException($"{path}: is cut off or damaged", cause);
        }
    }

    /// <summary>Writes a file that numpy.load reads.</summary>
    /// <param name="path">The file, ending in .npz.</param>
    /// <param name="probabilities">Classes or regions on the grid of the image file.</param>
    public static void Write(string path, Logits probabilities) => AtomicFile.Write(path, stream =>
    {
        using var archive = new ZipArchive(stream, ZipArchiveMode.Create, leaveOpen: true);
        using var content = archive.CreateEntry(Entry, CompressionLevel.Fastest).Open();
        content.Write(NpyHeader.Bytes(NpyHeader.NameOf<float>(), [probabilities.Classes, .. probabilities.Shape]));
        foreach (var channel in probabilities.Channels)
            content.Write(MemoryMarshal.AsBytes(channel.AsSpan()));
    });

    /// <inheritdoc />
    public void Dispose()
    {
        content.Dispose();
        archive.Dispose();
    }

    private UserException Wrong(string what) => new($"{path}: {what}");
}
