using System.Buffers.Binary;
using System.IO.Compression;
using MedSegDsl.Runtime.Files;

namespace MedSegDsl.Runtime.Storage;

/// <summary>
/// Archives of named arrays (.npz: a zip file of .npy files), as numpy.savez writes them. Arrays that lie uncompressed in
/// the archive are mapped where they are.
/// </summary>
internal static class NpzFile
{
    private const int LocalHeaderLength = 30;
    private const uint LocalHeader = 0x04034B50;

    /// <summary>Writes arrays uncompressed, the archive whole or not at all.</summary>
    /// <param name="path">The file; replaced if it exists.</param>
    /// <param name="arrays">Names and what writes each .npy file.</param>
    /// <exception cref="UserException">The file cannot be written.</exception>
    public static void Write(string path, params (string Name, Action<Stream> Array)[] arrays) =>
        AtomicFile.Write(path, stream =>
        {
            using ZipArchive archive = new(stream, ZipArchiveMode.Create, leaveOpen: true);
            foreach (var (name, array) in arrays)
            {
                var entry = archive.CreateEntry(name + ".npy", CompressionLevel.NoCompression);
                // The same arrays give the same file, as numpy's do.
                entry.LastWriteTime = new DateTimeOffset(1980, 1, 1, 0, 0, 0, TimeSpan.Zero);
                using var content = entry.Open();
                array(content);
            }
        });

    /// <summary>Maps an array of an archive; null where it is compressed, so that it has to be unpacked first.</summary>
    /// <exception cref="UserException">The file is no archive, cut short, or has no such array.</exception>
    public static MappedNpy? Map(string path, string name)
    {
        using var archive = Open(path);
        var start = 0L;
        foreach (var entry in archive.Entries)
        {
            var data = DataOffset(path, start);
            if (entry.FullName == name + ".npy")
                return data is { } offset && entry.CompressedLength == entry.Length ? new MappedNpy(path, offset, entry.Length) : null;
            if (data is null)
                break;
            start = data.Value + entry.CompressedLength;
        }

        return archive.GetEntry(name + ".npy") is null ? throw new UserException($"{path}: holds no array named {name}") : null;
    }

    /// <summary>Writes an array of an archive as a .npy file, where it can be mapped.</summary>
    /// <exception cref="UserException">The archive is damaged, or the file cannot be written.</exception>
    public static void Unpack(string path, string name, string target)
    {
        using var archive = Open(path);
        var entry = archive.GetEntry(name + ".npy") ?? throw new UserException($"{path}: holds no array named {name}");
        AtomicFile.Write(target, stream =>
        {
            try
            {
                using var content = entry.Open();
                content.CopyTo(stream);
            }
            catch (InvalidDataException cause)
            {
                throw new UserException($"{path}: is damaged: {cause.Message}; preprocess the case again", cause);
            }
        });
    }

    /// <summary>Opens an archive.</summary>
    private static ZipArchive Open(string path)
    {
        try
        {
            return ZipFile.OpenRead(path);
        }
        catch (Exception cause) when (cause is IOException or InvalidDataException or UnauthorizedAccessException)
        {
            throw new UserException($"{path}: cannot be read as .npz; preprocess the case again: {cause.Message}", cause);
        }
    }

    /// <summary>Where the bytes of the entry start whose header is at some place; null where it does not tell.</summary>
    private static long? DataOffset(string path, long start)
    {
        using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete, LocalHeaderLength);
        stream.Position = start;
        Span<byte> header = stackalloc byte[LocalHeaderLength];
        if (stream.ReadAtLeast(header, header.Length, throwOnEndOfStream: false) < header.Length
            || BinaryPrimitives.ReadUInt32LittleEndian(header) != LocalHeader)
            return null;
        var lengthFollows = (header[6] & 8) != 0;
        return lengthFollows
            ? null
            : start + LocalHeaderLength + BinaryPrimitives.ReadUInt16LittleEndian(header[26..])
                + BinaryPrimitives.ReadUInt16LittleEndian(header[28..]);
    }
}
