namespace MedSegDsl.Runtime.Imaging;

/// <summary>Turns what can go wrong when a file is read into the line that a user sees.</summary>
internal static class FileErrors
{
    /// <summary>Reads a file.</summary>
    /// <exception cref="UserException">The file is missing, cannot be read, is corrupt or too large; the line
    /// names it.</exception>
    public static T Guard<T>(string file, Func<T> read)
    {
        try
        {
            return read();
        }
        catch (Exception cause) when (cause is (FileNotFoundException or DirectoryNotFoundException) && !File.Exists(file))
        {
            throw new UserException($"{file}: no such file", cause);
        }
        catch (InvalidDataException cause)
        {
            throw new UserException($"{file}: is corrupt: {cause.Message}", cause);
        }
        catch (OutOfMemoryException cause)
        {
            throw new UserException($"{file}: is too large for the memory of this machine", cause);
        }
        catch (Exception cause) when (cause is (IOException and not FileNotFoundException) or UnauthorizedAccessException)
        {
            throw new UserException($"{file}: cannot be read: {cause.Message}", cause);
        }
    }
}
