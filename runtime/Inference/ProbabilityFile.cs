using System.IO.Compression;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.RegularExpressions;
using MedSegDsl.Runtime.Files;

namespace MedSegDsl.Runtime.Inference;

/// <summary>
/// Probabilities of one case as nnU-Net stores them: a compressed .npz with the float32 array <c>probabilities</c>
/// (class or region, z, y, x) on the grid of the image file. Read one class after the other.
/// </summary>
public sealed partial class ProbabilityFile : IDisposable
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
            var shape = ReadHeader();
            Classes = shape[0];
            Shape = shape[1..];
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
        content.Write(Header([probabilities.Classes, .. probabilities.Shape]));
        foreach (var channel in probabilities.Channels)
            content.Write(MemoryMarshal.AsBytes(channel.AsSpan()));
    });

    /// <inheritdoc />
    public void Dispose()
    {
        content.Dispose();
        archive.Dispose();
    }

    /// <summary>Version 1.0 of numpy's format: magic, length, a Python dictionary padded to a multiple of 64 bytes.</summary>
    private static byte[] Header(IEnumerable<int> shape)
    {
        var text = $"{{'descr': '<f4', 'fortran_order': False, 'shape': ({string.Join(", ", shape)}), }}";
        text = text.PadRight((10 + text.Length + 1 + 63) / 64 * 64 - 11) + '\n';
        return [0x93, .. "NUMPY"u8, 1, 0, (byte)text.Length, (byte)(text.Length >> 8), .. Encoding.ASCII.GetBytes(text)];
    }

    private int[] ReadHeader()
    {
        var start = new byte[10];
        content.ReadExactly(start);
        if (start[0] != 0x93 || !start.AsSpan(1, 5).SequenceEqual("NUMPY"u8))
            throw Wrong("its array is not in numpy's format");
        var length = start[8] | start[9] << 8;
        if (start[6] > 1)
        {
            // From version 2 on the length has four bytes.
            var more = new byte[2];
            content.ReadExactly(more);
            length |= more[0] << 16 | more[1] << 24;
        }

        var header = new byte[length];
        content.ReadExactly(header);
        var match = ShapeOfHeader().Match(Encoding.ASCII.GetString(header));
        return match.Success
            ? [.. match.Groups[1].Captures.Select(axis => int.Parse(axis.Value))]
            : throw Wrong("its array should be float32 in C order with the axes (class, z, y, x)");
    }

    private UserException Wrong(string what) => new($"{path}: {what}");

    [GeneratedRegex(@"^\{'descr': '<f4', 'fortran_order': False, 'shape': \((?:(\d+)(?:, )?){4}\), \}")]
    private static partial Regex ShapeOfHeader();
}
