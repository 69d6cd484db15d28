namespace MedSegDsl.Kernels;

/// <summary>
/// The folder for what this program derives from native libraries: <c>$XDG_CACHE_HOME/medseg-dsl</c>, else
/// <c>~/.cache/medseg-dsl</c>, else a folder of the user's own under the system's temporary folder.
/// Every file appears whole or not at all, so that processes that start together do not disturb each other.
/// </summary>
internal static class LibraryCache
{
    /// <summary>The cache folder, made if need be.</summary>
    public static string Folder()
    {
        var home = Environment.GetFolderPath(Environment.SpecialFolder.UserProfile);
        var bases = new[]
        {
            Environment.GetEnvironmentVariable("XDG_CACHE_HOME") ?? "",
            home.Length > 0 ? Path.Combine(home, ".cache") : "",
            Path.Combine(Path.GetTempPath(), "cache-" + Environment.UserName),
        };
        foreach (var folder in bases.Where(Path.IsPathRooted).Select(root => Path.Combine(root, "medseg-dsl")))
        {
            try
            {
                Directory.CreateDirectory(folder);
                var probe = Path.Combine(folder, Path.GetRandomFileName());
                File.WriteAllBytes(probe, []);
                File.Delete(probe);
                return folder;
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                // Not writable: the next one.
            }
        }
        throw new LibtorchNotFoundException(
            "No folder is writable for the adapted copy of TorchSharp's native library: set XDG_CACHE_HOME to one that is.");
    }

    /// <summary>Makes sure that the file holds these bytes and returns its path.</summary>
    public static string Store(string file, byte[] bytes)
    {
        if (!File.Exists(file) || !File.ReadAllBytes(file).AsSpan().SequenceEqual(bytes))
        {
            Directory.CreateDirectory(Path.GetDirectoryName(file)!);
            var temporary = $"{file}.{Path.GetRandomFileName()}";
            try
            {
                File.WriteAllBytes(temporary, bytes);
                File.Move(temporary, file, overwrite: true);
            }
            finally
            {
                File.Delete(temporary);
            }
        }
        return file;
    }

    /// <summary>
    /// Makes one folder of links to files that lie in several folders: libraries that look for each other beside
    /// themselves then find each other, and there is still one copy on disk.
    /// </summary>
    public static string Gather(string folder, IEnumerable<string> files)
    {
        Directory.CreateDirectory(folder);
        foreach (var file in files)
        {
            var link = Path.Combine(folder, Path.GetFileName(file));
            if (new FileInfo(link).LinkTarget != file)
            {
                var temporary = $"{link}.{Path.GetRandomFileName()}";
                File.CreateSymbolicLink(temporary, file);
                File.Move(temporary, link, overwrite: true);
            }
        }
        return folder;
    }
}
