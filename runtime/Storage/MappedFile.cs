using System.IO.MemoryMappedFiles;

namespace MedSegDsl.Runtime.Storage;

/// <summary>A file in memory-mapped form: the system reads the pages that are touched. Safe for many
/// readers.</summary>
/// <remarks>The file is closed after mapping, so thousands of cases may be open at once.</remarks>
internal sealed unsafe class MappedFile : IDisposable
{
    private readonly MemoryMappedViewAccessor view;
    private readonly byte* start;

    /// <summary>Maps a file.</summary>
    /// <param name="path">The file.</param>
    /// <param name="check">Looks at the file before it is mapped.</param>
    /// <exception cref="UserException">The file is missing or unreadable.</exception>
    public MappedFile(string path, Action<FileStream> check)
    {
        try
        {
            using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete);
            check(stream);
            Length = stream.Length;
            using var map = MemoryMappedFile.CreateFromFile(
                stream, null, 0, MemoryMappedFileAccess.Read, HandleInheritability.None, leaveOpen: true);
            view = map.CreateViewAccessor(0, 0, MemoryMappedFileAccess.Read);
        }
        catch (Exception cause) when (cause is IOException or UnauthorizedAccessException)
        {
            throw new UserException($"{path}: cannot be read; preprocess the case again: {cause.Message}", cause);
        }

        view.SafeMemoryMappedViewHandle.AcquirePointer(ref start);
    }

    /// <summary>Bytes of the file.</summary>
    public long Length { get; }

    /// <summary>The address of a byte; valid until the file is disposed.</summary>
    public byte* At(long offset)
    {
        ObjectDisposedException.ThrowIf(view.SafeMemoryMappedViewHandle.IsClosed, this);
        return start + offset;
    }

    /// <inheritdoc />
    public void Dispose()
    {
        if (view.SafeMemoryMappedViewHandle.IsClosed)
            return;
        view.SafeMemoryMappedViewHandle.ReleasePointer();
        view.Dispose();
    }
}
