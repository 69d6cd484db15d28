namespace MedSegDsl.Runtime.Files;

/// <summary>Copies of files from one folder of results to another.</summary>
public static class FileCopy
{
    /// <summary>Copies a file into a folder under its own name.</summary>
    /// <exception cref="UserException">It cannot be read or written.</exception>
    public static void Into(string file, string folder)
    {
        try
        {
            Directory.CreateDirectory(folder);
            File.Copy(file, Path.Combine(folder, Path.GetFileName(file)), overwrite: true);
        }
        catch (Exception cause) when (cause is IOException or UnauthorizedAccessException)
        {
            throw new UserException($"{file}: cannot be copied into {folder}: {cause.Message}", cause);
        }
    }

    /// <summary>Copies what says which dataset and plans the label maps of a folder belong to, where it is there.</summary>
    public static void Descriptions(string from, string to)
    {
        foreach (var name in new[] { "dataset.json", "plans.json" })
        {
            var file = Path.Combine(from, name);
            if (File.Exists(file) && Path.GetFullPath(from) != Path.GetFullPath(to))
                Into(file, to);
        }
    }
}
