using System.Text.Json.Nodes;
using MedSegDsl.Runtime.Files;
using MedSegDsl.Runtime.Planning;

namespace MedSegDsl.Runtime.Dataset;

/// <summary>Which cases train and which validate: splits_final.json, and nnU-Net's rules where it does not
/// say.</summary>
public static class Splits
{
    /// <summary>The name of the file in the folder of a preprocessed dataset.</summary>
    public const string FileName = "splits_final.json";

    private const int Folds = 5;
    private const uint Seed = 12345;

    /// <summary>Five folds as scikit-learn's KFold shuffles them with random_state 12345.</summary>
    /// <param name="cases">Case ids in any order; they are sorted in byte order.</param>
    /// <exception cref="UserException">There are fewer than five cases.</exception>
    public static IReadOnlyList<Split> FiveFolds(IEnumerable<string> cases)
    {
        var sorted = Sorted(cases);
        if (sorted.Length < Folds)
            throw new UserException(
                $"{sorted.Length} cases cannot be split into five folds: train with fold \"all\", or write a {FileName} of your own");
        var shuffled = new LegacyRandom(Seed).Permutation(sorted.Length);
        List<Split> splits = [];
        var start = 0;
        for (var fold = 0; fold < Folds; fold++)
        {
            var length = sorted.Length / Folds + (fold < sorted.Length % Folds ? 1 : 0);
            splits.Add(WithValidation(sorted, [.. shuffled.AsSpan(start, length)]));
            start += length;
        }

        return splits;
    }

    /// <summary>The random 80:20 split of a fold number that the file does not have. Training cases stay in
    /// the order drawn.</summary>
    /// <param name="cases">Case ids in any order; they are sorted in byte order.</param>
    /// <param name="fold">The fold number.</param>
    public static Split Random(IEnumerable<string> cases, int fold)
    {
        var sorted = Sorted(cases);
        var train = new LegacyRandom(Seed + (uint)fold).ChooseDistinct(sorted.Length, (int)(sorted.Length * 0.8));
        return new(
            [.. train.Select(i => sorted[i])],
            [.. Enumerable.Range(0, sorted.Length).Except(train).Order().Select(i => sorted[i])]);
    }

    /// <summary>Fold "all": every case in both sets.</summary>
    public static Split All(IEnumerable<string> cases)
    {
        var sorted = Sorted(cases);
        return new(sorted, sorted);
    }

    /// <summary>A fold of a preprocessed dataset: from its splits_final.json, which is written if there is
    /// none.</summary>
    /// <param name="preprocessedDatasetFolder">nnUNet_preprocessed/DatasetNNN_Name.</param>
    /// <param name="cases">The training cases.</param>
    /// <param name="fold">The fold number.</param>
    /// <exception cref="UserException">The file is wrong, or names a case that does not exist.</exception>
    public static Split Fold(string preprocessedDatasetFolder, IReadOnlyCollection<string> cases, int fold)
    {
        var path = Path.Combine(preprocessedDatasetFolder, FileName);
        if (!File.Exists(path))
            Write(path, FiveFolds(cases));
        var splits = Read(path);
        if (fold < 0 || fold >= splits.Count)
            return fold >= 0 ? Random(cases, fold) : throw new UserException($"{fold} is not a fold: they count from 0");
        var known = cases.ToHashSet(StringComparer.Ordinal);
        var unknown = splits[fold].Train.Concat(splits[fold].Validation).FirstOrDefault(id => !known.Contains(id));
        return unknown is null
            ? splits[fold]
            : throw new UserException($"{path}: fold {fold} names the case \"{unknown}\", which is not in the dataset");
    }

    /// <summary>Reads a splits_final.json with any number of folds.</summary>
    /// <exception cref="UserException">The file is missing or has another form.</exception>
    public static IReadOnlyList<Split> Read(string path)
    {
        if (PythonJson.Read(path) is not JsonArray list)
            throw new UserException($"{path}: should be a list of folds, each with \"train\" and \"val\"");
        return
        [
            .. list.Select((node, fold) => node is JsonObject json
                ? new JsonFields(json, $"{path}: fold {fold}")
                : throw new UserException($"{path}: fold {fold} should have \"train\" and \"val\""))
                .Select(fields => new Split(fields.Texts("train"), fields.Texts("val"))),
        ];
    }

    /// <summary>Writes splits as nnU-Net does.</summary>
    public static void Write(string path, IEnumerable<Split> splits) => PythonJson.Write(path, new JsonArray(
    [
        .. splits.Select(split => new JsonObject
        {
            ["train"] = PythonJson.List(split.Train),
            ["val"] = PythonJson.List(split.Validation),
        }),
    ]));

    private static string[] Sorted(IEnumerable<string> cases) => [.. cases.Order(StringComparer.Ordinal)];

    private static Split WithValidation(string[] cases, HashSet<int> validation) => new(
        [.. cases.Where((_, i) => !validation.Contains(i))],
        [.. cases.Where((_, i) => validation.Contains(i))]);
}
