using System.Globalization;
using System.Text.RegularExpressions;
using MedSegDsl.Runtime.Dataset;
using MedSegDsl.Runtime.Evaluation;
using MedSegDsl.Runtime.Imaging;
using MedSegDsl.Runtime.Selection;

namespace MedSegDsl.Runtime.Comparison;

/// <summary>The results that a model's trainings have left, seed by seed and fold by fold.</summary>
/// <param name="Name">The model's name in tables.</param>
/// <param name="Folder">The folder of all folds, <c>TRAINER__PLANS__CONFIGURATION</c>, or a folder of evaluated predictions.</param>
public sealed partial record ModelResults(string Name, string Folder)
{
    /// <summary>Whether it is a folder of predictions with metrics.json.</summary>
    public bool IsPredictions => File.Exists(Path.Combine(Folder, MetricsReport.JsonName));

    /// <summary>The folds that have validation predictions, of any seed; not the one that trained on all cases.</summary>
    public IEnumerable<string> Folds() => IsPredictions
        ? []
        : Seeds().SelectMany(seed => Directory.EnumerateDirectories(seed.Folder, "fold_*"))
            .Where(fold => Directory.Exists(Path.Combine(fold, "validation")))
            .Select(fold => Path.GetFileName(fold)["fold_".Length..])
            .Where(fold => fold != "all")
            .Distinct();

    /// <summary>Reads or makes the metrics of every training.</summary>
    /// <param name="folds">The folds that should be there.</param>
    /// <param name="rules">Rules, and tolerances for a dataset.</param>
    /// <param name="references">The reference labels of a dataset's training cases, by its name.</param>
    /// <param name="cost">What the network costs.</param>
    /// <param name="progress">Told after each case that is evaluated: how many of how many, and of which training.</param>
    /// <exception cref="UserException">The folder is missing, or holds no results at all.</exception>
    public ComparedModel Read(
        IReadOnlyList<string> folds,
        Func<DatasetJson, MetricRequest> rules,
        Func<string, string> references,
        ModelCost? cost,
        Action<int, int, string>? progress = null)
    {
        if (IsPredictions)
            return new ComparedModel(Name, [new ModelRun(1, "", MetricsReport.Read(Path.Combine(Folder, MetricsReport.JsonName)))], cost, []);
        List<ModelRun> runs = [];
        List<string> missing = [];
        foreach (var (seed, folder) in Seeds())
        {
            var dataset = DatasetJson.ReadFrom(folder);
            List<string> empty = [];
            foreach (var fold in folds)
            {
                var validation = ValidationFolds.Folder(folder, fold);
                if (!Directory.Exists(validation) || !HasPredictions(validation, dataset))
                {
                    empty.Add(fold);
                    continue;
                }

                var training = $"{Name}, seed {seed}, fold {fold}";
                var (report, failures) = Metrics(
                    validation, dataset, rules(dataset), () => references(DatasetName(folder)),
                    (done, all) => progress?.Invoke(done, all, training));
                missing.AddRange(failures.Select(line => $"{Name}: {line}"));
                if (report is not null)
                    runs.Add(new ModelRun(seed, fold, report));
            }

            if (empty.Count > 0)
                missing.Add($"{Name}: seed {seed}, fold {string.Join(", ", empty)}: no validation predictions");
        }

        return new ComparedModel(Name, runs, cost, missing);
    }

    /// <summary>The folders of all seeds: the model's own is seed 1, others have <c>_seedN</c> behind the trainer's name.</summary>
    private IEnumerable<(int Seed, string Folder)> Seeds()
    {
        if (!Directory.Exists(Folder))
            throw new UserException($"{Folder}: no such folder; a trained model or evaluated predictions are expected there");
        var name = ModelName.Of(Folder);
        yield return (1, Folder);
        var others = Directory.EnumerateDirectories(Path.GetDirectoryName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(Folder)))!)
            .Select(folder => (Folder: folder, Match: Seeded().Match(Path.GetFileName(folder))))
            .Where(one => one.Match.Success && one.Match.Groups["model"].Value == name.Trainer
                && one.Match.Groups["rest"].Value == $"{name.Plans}__{name.Configuration}")
            .Select(one => (int.Parse(one.Match.Groups["seed"].Value, CultureInfo.InvariantCulture), one.Folder));
        foreach (var other in others.Order())
            yield return other;
    }

    private static bool HasPredictions(string folder, DatasetJson dataset) =>
        Directory.EnumerateFiles(folder, "*" + dataset.FileEnding).Any();

    private static string DatasetName(string folder) =>
        Path.GetFileName(Path.GetDirectoryName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder))))!;

    /// <summary>The metrics that lie beside the predictions, where they were made from these by the same rules; else new ones.</summary>
    private static (MetricsReport? Report, IReadOnlyList<string> Failures) Metrics(
        string folder, DatasetJson dataset, MetricRequest request, Func<string> references, Action<int, int> progress)
    {
        var file = Path.Combine(folder, MetricsReport.JsonName);
        string[] predictions = [.. Directory.EnumerateFiles(folder, "*" + dataset.FileEnding)];
        if (File.Exists(file) && predictions.All(prediction => File.GetLastWriteTimeUtc(prediction) <= File.GetLastWriteTimeUtc(file)))
        {
            var known = MetricsReport.Read(file);
            if (known.Cases.Count == predictions.Length && known.Request.Rules.Name == request.Rules.Name
                && known.Classes.All(name => known.Request.Tolerances.Of(name) == request.Tolerances.Of(name)))
                return (known, []);
        }

        var result = FolderEvaluation.Evaluate(
            references(), folder, new EvaluationTargets(dataset.LabelManager), ImageReaders.For(dataset, null), dataset.FileEnding,
            allowMissing: true, progress, request);
        result.Metrics?.Write(folder);
        return (result.Metrics, result.Failures);
    }

    [GeneratedRegex("^(?<model>.+)_seed(?<seed>[0-9]+)__(?<rest>.+)$")]
    private static partial Regex Seeded();
}
