using System.Text.RegularExpressions;

namespace MedSegDsl.Runtime.Dataset;

/// <summary>nnU-Net's three folders: raw datasets, preprocessed data, results. Each may be left out as long
/// as nobody asks for it.</summary>
public sealed partial class NnUNetFolders
{
    private readonly string? raw;
    private readonly string? preprocessed;
    private readonly string? results;

    /// <summary>Folders given explicitly; null for one that is not set.</summary>
    public NnUNetFolders(string? raw, string? preprocessed, string? results)
    {
        this.raw = Absolute(raw);
        this.preprocessed = Absolute(preprocessed);
        this.results = Absolute(results);
    }

    /// <summary>The folders named by the environment variables nnUNet_raw, nnUNet_preprocessed and
    /// nnUNet_results.</summary>
    public static NnUNetFolders FromEnvironment() => new(
        Environment.GetEnvironmentVariable("nnUNet_raw"),
        Environment.GetEnvironmentVariable("nnUNet_preprocessed"),
        Environment.GetEnvironmentVariable("nnUNet_results"));

    /// <summary>The folder of raw datasets.</summary>
    /// <exception cref="UserException">It is not set.</exception>
    public string Raw => raw ?? throw NotSet("nnUNet_raw", "raw datasets");

    /// <summary>The folder of fingerprints, plans and preprocessed cases.</summary>
    /// <exception cref="UserException">It is not set.</exception>
    public string Preprocessed => preprocessed ?? throw NotSet("nnUNet_preprocessed", "preprocessed data");

    /// <summary>The folder of trained networks.</summary>
    /// <exception cref="UserException">It is not set.</exception>
    public string Results => results ?? throw NotSet("nnUNet_results", "trained networks");

    /// <summary>The name <c>DatasetNNN_Name</c> of a dataset given by its number, looked up in all folders
    /// that are set.</summary>
    /// <param name="id">0 to 999.</param>
    /// <exception cref="UserException">No folder has this number, or folders of different names have
    /// it.</exception>
    public string DatasetName(int id)
    {
        if (id is < 0 or > 999)
            throw new UserException($"{id} is not a dataset number: they go from 0 to 999");
        string[] places = [.. new[] { raw, preprocessed, results }.OfType<string>()];
        if (places.Length == 0)
            throw NotSet("nnUNet_raw", "raw datasets");
        var prefix = $"Dataset{id:000}_";
        string[] names =
        [
            .. places.Where(Directory.Exists)
                .SelectMany(place => Directory.EnumerateDirectories(place, prefix + "*"))
                .Select(folder => Path.GetFileName(folder))
                .Distinct(StringComparer.Ordinal)
                .Order(StringComparer.Ordinal),
        ];
        return names.Length switch
        {
            1 => names[0],
            0 => throw new UserException($"No folder {prefix}... in {string.Join(", ", places)}: {Known(places)}"),
            _ => throw new UserException(
                $"Dataset number {id} belongs to several folders ({string.Join(", ", names)}): give each dataset a number of its own"),
        };
    }

    /// <summary>The name of a dataset given as <c>901</c>, <c>Dataset901</c> or
    /// <c>Dataset901_RealBrain</c>.</summary>
    /// <exception cref="UserException">The text is none of these, or the number is not found.</exception>
    public string DatasetName(string idOrName)
    {
        if (FullName().IsMatch(idOrName))
            return idOrName;
        var digits = NumberOnly().Match(idOrName);
        return digits.Success
            ? DatasetName(int.Parse(digits.Groups[1].Value, System.Globalization.CultureInfo.InvariantCulture))
            : throw new UserException($"\"{idOrName}\" is no dataset: write a number (901) or a name (Dataset901_RealBrain)");
    }

    /// <summary>The number in <c>DatasetNNN_Name</c>.</summary>
    /// <exception cref="UserException">The name has another form.</exception>
    public static int DatasetId(string datasetName) => FullName().Match(datasetName) is { Success: true } match
        ? int.Parse(match.Groups[1].Value, System.Globalization.CultureInfo.InvariantCulture)
        : throw new UserException($"\"{datasetName}\" is no dataset folder: its name should read DatasetNNN_Name");

    /// <summary>The folder of a raw dataset.</summary>
    /// <exception cref="UserException">The folder does not exist.</exception>
    public string RawDataset(string datasetName) => Existing(Path.Combine(Raw, datasetName), "put the dataset there");

    /// <summary>The folder of a dataset's fingerprint, plans and preprocessed cases; it may not exist
    /// yet.</summary>
    public string PreprocessedDataset(string datasetName) => Path.Combine(Preprocessed, datasetName);

    /// <summary>The folder of a dataset's trained networks, one for trainer, plans and configuration; it may
    /// not exist yet.</summary>
    public string ResultsOf(string datasetName, string trainer, string plansName, string configuration) =>
        Path.Combine(Results, datasetName, $"{trainer}__{plansName}__{configuration}");

    private static string? Absolute(string? folder) => string.IsNullOrWhiteSpace(folder) ? null : Path.GetFullPath(folder);

    private static UserException NotSet(string variable, string purpose) => new(
        $"The environment variable {variable} is not set: set it to the folder of your {purpose} (export {variable}=/path)");

    private static string Existing(string folder, string advice) => Directory.Exists(folder)
        ? folder
        : throw new UserException($"{folder}: no such folder; {advice}");

    private static string Known(string[] places)
    {
        string[] names =
        [
            .. places.Where(Directory.Exists)
                .SelectMany(Directory.EnumerateDirectories)
                .Select(folder => Path.GetFileName(folder))
                .Where(name => FullName().IsMatch(name))
                .Distinct(StringComparer.Ordinal)
                .Order(StringComparer.Ordinal),
        ];
        return names.Length == 0 ? "there are no datasets" : $"there are {string.Join(", ", names)}";
    }

    [GeneratedRegex(@"^Dataset(\d{3})_.+$")]
    private static partial Regex FullName();

    [GeneratedRegex(@"^(?:Dataset)?(\d{1,3})$")]
    private static partial Regex NumberOnly();
}
