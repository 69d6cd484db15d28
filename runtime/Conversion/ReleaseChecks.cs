namespace MedSegDsl.Runtime.Conversion;

/// <summary>Collects what a release lacks.</summary>
/// <param name="folder">The folder of the release.</param>
internal sealed class ReleaseChecks(string folder)
{
    private const int MostNames = 8;
    private readonly List<string> problems = [];

    /// <summary>A line for each thing found wrong so far.</summary>
    public IReadOnlyList<string> Problems => problems;

    /// <summary>Notes something wrong.</summary>
    public void Add(string problem) => problems.Add(problem);

    /// <summary>Notes a number that is not the published one.</summary>
    /// <param name="what">What was counted: CT scans for training.</param>
    /// <param name="found">The number found.</param>
    /// <param name="expected">The published number.</param>
    public void Count(string what, int found, int expected)
    {
        if (found != expected)
            problems.Add($"{found} {what}, the release has {expected}");
    }

    /// <summary>Whether all files of a case are there; notes those that are not.</summary>
    public bool HasAll(string caseId, IEnumerable<string> files)
    {
        string[] missing = [.. files.Where(file => !File.Exists(file)).Select(file => Path.GetRelativePath(folder, file))];
        if (missing.Length > 0)
            problems.Add($"case {caseId}: {Names(missing)} {(missing.Length == 1 ? "is" : "are")} missing");
        return missing.Length == 0;
    }

    /// <summary>The first names of a list and the number of the others.</summary>
    public static string Names(IReadOnlyCollection<string> names) => names.Count <= MostNames
        ? string.Join(", ", names)
        : $"{string.Join(", ", names.Take(MostNames))} and {names.Count - MostNames} more";

    /// <summary>The folder, if it is there.</summary>
    /// <exception cref="UserException">It is not.</exception>
    public static string Existing(string folder, string title) => Directory.Exists(folder)
        ? Path.GetFullPath(folder)
        : throw new UserException($"{folder}: no such folder; name the unpacked release of {title}");
}
