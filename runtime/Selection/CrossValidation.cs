using MedSegDsl.Runtime.Dataset;
using MedSegDsl.Runtime.Evaluation;
using MedSegDsl.Runtime.Files;
using MedSegDsl.Runtime.Imaging;

namespace MedSegDsl.Runtime.Selection;

/// <summary>
/// A cross-validation as one set of cases: the validation predictions of all folds, copied into one folder and evaluated
/// anew (nnU-Net v2, evaluation/accumulate_cv_results.py).
/// </summary>
public static class CrossValidation
{
    /// <summary>Copies and evaluates.</summary>
    /// <param name="model">The folder of all folds, with plans.json and dataset.json.</param>
    /// <param name="output">The folder for the predictions and summary.json; label maps that lie in it are removed.</param>
    /// <param name="folds">The folds, <c>0</c> to <c>4</c>.</param>
    /// <param name="references">Reference labels.</param>
    /// <param name="progress">Called after each case with the number done and of all.</param>
    /// <returns>The evaluation; summary.json is written.</returns>
    /// <exception cref="UserException">A fold or a file is missing.</exception>
    public static FolderEvaluationResult Accumulate(
        string model, string output, IReadOnlyList<string> folds, string references, Action<int, int>? progress = null)
    {
        var dataset = DatasetJson.ReadFrom(model);
        var files = ValidationFolds.Files(model, folds, dataset.FileEnding);
        if (files.Count == 0)
            throw new UserException($"{model}: the folds {string.Join(", ", folds)} have no validation predictions");
        Directory.CreateDirectory(output);
        foreach (var old in Directory.EnumerateFiles(output).Where(file => file.EndsWith(dataset.FileEnding, StringComparison.Ordinal)))
            File.Delete(old);
        FileCopy.Descriptions(model, output);
        foreach (var (_, file) in files)
            FileCopy.Into(file, output);
        return Evaluate(dataset, output, references, progress);
    }

    /// <summary>Evaluates a folder of predictions of training cases and writes its summary.json.</summary>
    internal static FolderEvaluationResult Evaluate(
        DatasetJson dataset, string folder, string references, Action<int, int>? progress)
    {
        var result = FolderEvaluation.Evaluate(
            references,
            folder,
            new EvaluationTargets(dataset.LabelManager),
            ImageReaders.For(dataset, null),
            dataset.FileEnding,
            allowMissing: true,
            progress);
        result.Summary?.Write(Path.Combine(folder, "summary.json"));
        return result;
    }
}
