using MedSegDsl.Runtime.Dataset;

namespace MedSegDsl.Runtime.Inference;

/// <summary>The saved probabilities of one model that an ensemble averages.</summary>
/// <param name="Folder">The folder that has dataset.json and plans.json.</param>
/// <param name="Probabilities">The .npz file of each case.</param>
/// <param name="LabelMaps">The label map of each case, on whose grid the average lies.</param>
public sealed record EnsembleMember(
    string Folder, IReadOnlyDictionary<string, string> Probabilities, IReadOnlyDictionary<string, string> LabelMaps)
{
    /// <summary>Whether every case that has a label map has probabilities.</summary>
    public bool IsComplete => LabelMaps.Count > 0 && LabelMaps.Keys.All(Probabilities.ContainsKey);

    /// <summary>A folder of predictions that was made with saved probabilities.</summary>
    /// <exception cref="UserException">The folder or its dataset.json is missing.</exception>
    public static EnsembleMember OfFolder(string folder)
    {
        if (!Directory.Exists(folder))
            throw new UserException($"{folder}: no such folder");
        return new EnsembleMember(folder, In(folder, ".npz"), In(folder, DatasetJson.ReadFrom(folder).FileEnding));
    }

    private static SortedDictionary<string, string> In(string folder, string ending) => new(
        Directory.EnumerateFiles(folder)
            .Where(file => file.EndsWith(ending, StringComparison.Ordinal))
            .ToDictionary(file => Path.GetFileName(file)[..^ending.Length]),
        StringComparer.Ordinal);
}
