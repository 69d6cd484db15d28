using System.Security.Cryptography;
using System.Text;

namespace MedSegDsl.Kernels.Cuda;

/// <summary>
/// Compiled kernels on disk, in the user's cache folder. A file's name is a hash of all that its content depends on; the file
/// starts with a hash of the content, so that a damaged one is noticed.
/// </summary>
internal static class CubinCache
{
    /// <summary>The file for what compiles from these texts; null where no folder is writable, and nothing is kept.</summary>
    public static string? FileFor(IEnumerable<string> dependencies)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var text in dependencies)
        {
            var bytes = Encoding.UTF8.GetBytes(text);
            hash.AppendData(BitConverter.GetBytes(bytes.Length));
            hash.AppendData(bytes);
        }
        try
        {
            return Path.Combine(LibraryCache.Folder(), "cubins", Convert.ToHexStringLower(hash.GetHashAndReset()) + ".cubin");
        }
        catch (LibtorchNotFoundException)
        {
            return null;
        }
    }

    /// <summary>The file's content, or null where it is missing, unreadable or damaged.</summary>
    public static byte[]? Read(string? file)
    {
        try
        {
            if (file is null || !File.Exists(file))
            {
                return null;
            }
            var bytes = File.ReadAllBytes(file);
            var content = bytes.AsSpan(Math.Min(bytes.Length, SHA256.HashSizeInBytes));
            return bytes.AsSpan(0, bytes.Length - content.Length).SequenceEqual(SHA256.HashData(content)) ? content.ToArray() : null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    /// <summary>Keeps a content. A full or read-only disk only means that the next process compiles again.</summary>
    public static void Write(string? file, byte[] content)
    {
        try
        {
            if (file is not null)
            {
                LibraryCache.Store(file, [.. SHA256.HashData(content), .. content]);
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return;
        }
    }
}
