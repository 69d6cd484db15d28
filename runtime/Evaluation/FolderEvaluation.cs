using MedSegDsl.Runtime.Imaging;

namespace MedSegDsl.Runtime.Evaluation;

/// <summary>Compares a folder of predictions with a folder of references (nnunetv2/evaluation/evaluate_predictions.py).</summary>
public static class FolderEvaluation
{
    /// <summary>Evaluates every prediction of a folder. A case that cannot be evaluated does not stop the others.</summary>
    /// <param name="referenceFolder">Reference label maps.</param>
    /// <param name="predictionFolder">Predicted label maps, of the same names.</param>
    /// <param name="targets">Labels or regions of the dataset.</param>
    /// <param name="reader">Reads both.</param>
    /// <param name="fileEnding">The ending of the label maps, with its dot; other files are left alone.</param>
    /// <param name="allowMissing">Whether references without a prediction are left out silently.</param>
    /// <param name="progress">Called after each case, from any thread, with the number done and of all.</param>
    /// <exception cref="UserException">A folder is missing, or there is nothing to evaluate.</exception>
    public static FolderEvaluationResult Evaluate(
        string referenceFolder,
        string predictionFolder,
        EvaluationTargets targets,
        IImageReader reader,
        string fileEnding,
        bool allowMissing = false,
        Action<int, int>? progress = null)
    {
        var references = LabelMapFiles.In(referenceFolder, fileEnding);
        var predictions = LabelMapFiles.In(predictionFolder, fileEnding);
        if (predictions.Count == 0)
            throw new UserException($"{predictionFolder}: no predictions; files ending in {fileEnding} are expected there");
        List<string> missing = allowMissing ? [] : [.. references.Except(predictions)
            .Select(name => $"{Path.Combine(predictionFolder, name)}: no such prediction, but {referenceFolder} has the reference")];
        var cases = new CaseEvaluation?[predictions.Count];
        var failures = new string?[predictions.Count];
        var done = 0;
        Parallel.For(0, predictions.Count, i =>
        {
            var prediction = Path.Combine(predictionFolder, predictions[i]);
            try
            {
                cases[i] = EvaluateCase(prediction, Path.Combine(referenceFolder, predictions[i]), targets, reader);
            }
            catch (UserException cause)
            {
                failures[i] = cause.Message;
            }

            progress?.Invoke(Interlocked.Increment(ref done), predictions.Count);
        });
        CaseEvaluation[] evaluated = [.. cases.OfType<CaseEvaluation>()];
        return new FolderEvaluationResult(
            evaluated.Length == 0 ? null : new EvaluationSummary(targets.Targets, evaluated),
            [.. failures.OfType<string>(), .. missing]);
    }

    /// <summary>Evaluates one prediction.</summary>
    /// <exception cref="UserException">A file is missing or unreadable, the shapes differ, or a label is unknown; the line names the file.</exception>
    public static CaseEvaluation EvaluateCase(string prediction, string reference, EvaluationTargets targets, IImageReader reader)
    {
        if (!File.Exists(reference))
            throw new UserException($"{prediction}: there is no reference {reference}");
        var histogram = (Reference: reader.ReadLabels(reference).Voxels, Prediction: reader.ReadLabels(prediction).Voxels);
        try
        {
            return new CaseEvaluation(
                prediction, reference, targets.Evaluate(new JointHistogram(histogram.Reference, histogram.Prediction)));
        }
        catch (UserException cause)
        {
            throw new UserException($"{prediction}: {cause.Message}", cause);
        }
    }
}

/// <summary>What came of the evaluation of a folder.</summary>
/// <param name="Summary">The cases that could be evaluated; null where none could.</param>
/// <param name="Failures">One line for each case that could not, with the file's name.</param>
public sealed record FolderEvaluationResult(EvaluationSummary? Summary, IReadOnlyList<string> Failures);
