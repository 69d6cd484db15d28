using MedSegDsl.Runtime.Dataset;
using MedSegDsl.Runtime.Planning;
using MedSegDsl.Runtime.Storage;
using MedSegDsl.Runtime.Training.Cascade;

namespace MedSegDsl.Runtime.Training;

/// <summary>The preprocessed cases of one fold, open for reading.</summary>
public sealed class TrainingData : IDisposable
{
    private const int NamedCases = 3;

    private readonly Dictionary<string, StoredCase> cases = [];

    /// <summary>Opens the cases of a fold.</summary>
    /// <param name="datasetFolder">nnUNet_preprocessed/DatasetNNN_Name.</param>
    /// <param name="dataset">Its dataset.json.</param>
    /// <param name="plansName">The plans, for the advice in errors.</param>
    /// <param name="configuration">The plans' configuration.</param>
    /// <param name="fold">Which cases train and which validate.</param>
    /// <param name="previousStage">In the second stage of a cascade, what the first one said.</param>
    /// <exception cref="UserException">Cases are missing; the line says what to run.</exception>
    public TrainingData(
        string datasetFolder,
        DatasetJson dataset,
        string plansName,
        PlansConfiguration configuration,
        Fold fold,
        PreviousStageFolder? previousStage = null)
    {
        var folder = Path.Combine(datasetFolder, configuration.DataIdentifier);
        var split = Split(datasetFolder, folder, dataset.TrainingCases, fold);
        var wanted = split.Train.Concat(split.Validation).Distinct().ToArray();
        var missing = wanted.Where(id => !VolumeStore.IsComplete(folder, id)).ToArray();
        if (wanted.Length == 0 || missing.Length > 0)
        {
            var name = Path.GetFileName(datasetFolder);
            var names = string.Join(", ", missing.Take(NamedCases)) + (missing.Length > NamedCases ? ", ..." : "");
            throw new UserException(
                $"{folder}: {(wanted.Length == 0 ? "no preprocessed cases" : $"{missing.Length} of {wanted.Length} cases are not preprocessed ({names})")}; "
                + $"run: medseg preprocess {NnUNetFolders.DatasetId(name)} -c {configuration.Name} -p {plansName}");
        }

        previousStage?.Require(wanted);
        try
        {
            foreach (var id in wanted)
                cases[id] = VolumeStore.Open(folder, id, previousStage?.File(id));
        }
        catch
        {
            Dispose();
            throw;
        }

        Training = [.. split.Train.Select(id => cases[id])];
        Validation = [.. split.Validation.Select(id => cases[id])];
    }

    /// <summary>The cases that train.</summary>
    public IReadOnlyList<StoredCase> Training { get; }

    /// <summary>The cases that validate.</summary>
    public IReadOnlyList<StoredCase> Validation { get; }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var opened in cases.Values)
            opened.Dispose();
    }

    /// <summary>The fold's cases. Folds are drawn only from a complete dataset: half of it would be split otherwise.</summary>
    private static Split Split(string datasetFolder, string folder, int trainingCases, Fold fold)
    {
        var complete = VolumeStore.CompleteCases(folder);
        var splits = Path.Combine(datasetFolder, Splits.FileName);
        return fold switch
        {
            Fold.Index index when File.Exists(splits) && Splits.Read(splits) is var folds && index.Item < folds.Count =>
                folds[index.Item],
            _ when complete.Count == 0 => new Split([], []),
            _ when complete.Count < trainingCases => throw new UserException(
                $"{folder}: {complete.Count} of {trainingCases} cases are preprocessed, and without {splits} folds need all of them: finish preprocessing"),
            Fold.Index index => Splits.Fold(datasetFolder, [.. complete], index.Item),
            _ => Splits.All(complete),
        };
    }
}
