namespace MedSegDsl.Runtime.Evaluation;

/// <summary>The label maps of a folder.</summary>
internal static class LabelMapFiles
{
    /// <summary>Their names in ordinal order.</summary>
    /// <exception cref="UserException">The folder is missing.</exception>
    public static List<string> In(string folder, string fileEnding)
    {
        if (!Directory.Exists(folder))
            throw new UserException($"{folder}: no such folder");
        return
        [
            .. Directory.EnumerateFiles(folder).Select(path => Path.GetFileName(path))
                .Where(name => name.EndsWith(fileEnding, StringComparison.Ordinal)).Order(StringComparer.Ordinal),
        ];
    }
}
