using System.Collections.Concurrent;
using MedSegDsl.Runtime.Dataset;
using MedSegDsl.Runtime.Imaging;

namespace MedSegDsl.Runtime.Evaluation;

/// <summary>Compares a folder of predictions with a folder of references (nnunetv2/evaluation/evaluate_predictions.py).</summary>
public static class FolderEvaluation
{
    /// <summary>Two label maps, two masks with their surfaces, and the distances of one of them, in a class as large as the volume.</summary>
    private const long BytesOfVoxel = 2 * (sizeof(short) + 2 * sizeof(bool)) + sizeof(double);

    /// <summary>Evaluates every prediction of a folder. A case that cannot be evaluated does not stop the others.</summary>
    /// <param name="referenceFolder">Reference label maps.</param>
    /// <param name="predictionFolder">Predicted label maps, of the same names.</param>
    /// <param name="targets">Labels or regions of the dataset.</param>
    /// <param name="reader">Reads both.</param>
    /// <param name="fileEnding">The ending of the label maps, with its dot; other files are left alone.</param>
    /// <param name="allowMissing">Whether references without a prediction are left out silently.</param>
    /// <param name="progress">Called after each case, from any thread, with the number done and of all.</param>
    /// <param name="metrics">What is measured beside nnU-Net's counts; null for nothing.</param>
    /// <exception cref="UserException">A folder is missing, or there is nothing to evaluate.</exception>
    public static FolderEvaluationResult Evaluate(
        string referenceFolder,
        string predictionFolder,
        EvaluationTargets targets,
        IImageReader reader,
        string fileEnding,
        bool allowMissing = false,
        Action<int, int>? progress = null,
        MetricRequest? metrics = null)
    {
        var references = LabelMapFiles.In(referenceFolder, fileEnding);
        var predictions = LabelMapFiles.In(predictionFolder, fileEnding);
        if (predictions.Count == 0)
            throw new UserException($"{predictionFolder}: no predictions; files ending in {fileEnding} are expected there");
        List<string> missing = allowMissing ? [] : [.. references.Except(predictions)
            .Select(name => $"{Path.Combine(predictionFolder, name)}: no such prediction, but {referenceFolder} has the reference")];
        var failures = new ConcurrentDictionary<int, string>();
        var cases = new ConcurrentDictionary<int, (CaseEvaluation Counts, CaseMetrics? Metrics)>();
        var files = predictions.Select(name => new CaseFiles(
            name[..^fileEnding.Length], [Path.Combine(predictionFolder, name)], Path.Combine(referenceFolder, name))).ToArray();
        var done = 0;
        var loop = new CaseLoop(Environment.ProcessorCount, GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / 2);
        loop.Run(files, (i, one) =>
        {
            var bytes = 0L;
            try
            {
                (cases[i], bytes) = Measure(one, targets, reader, metrics);
            }
            catch (UserException cause)
            {
                failures[i] = cause.Message;
            }

            progress?.Invoke(Interlocked.Increment(ref done), files.Length);
            return bytes;
        });
        var evaluated = cases.OrderBy(pair => pair.Key).Select(pair => pair.Value).ToArray();
        return new FolderEvaluationResult(
            evaluated.Length == 0 ? null : new EvaluationSummary(targets.Targets, [.. evaluated.Select(one => one.Counts)]),
            [.. failures.OrderBy(pair => pair.Key).Select(pair => pair.Value), .. missing])
        {
            Metrics = metrics is null || evaluated.Length == 0
                ? null
                : new MetricsReport(
                    metrics, [.. targets.Targets.Select(target => target.Name)], [.. evaluated.Select(one => one.Metrics!)]),
        };
    }

    /// <summary>Evaluates one prediction.</summary>
    /// <exception cref="UserException">A file is missing or unreadable, the shapes differ, or a label is unknown; the line names the file.</exception>
    public static CaseEvaluation EvaluateCase(string prediction, string reference, EvaluationTargets targets, IImageReader reader) =>
        Measure(new CaseFiles("", [prediction], reference), targets, reader, null).Case.Counts;

    /// <summary>Evaluates one prediction.</summary>
    /// <returns>What came of it, and about how many bytes it took.</returns>
    private static ((CaseEvaluation Counts, CaseMetrics? Metrics) Case, long Bytes) Measure(
        CaseFiles files, EvaluationTargets targets, IImageReader reader, MetricRequest? metrics)
    {
        var (prediction, reference) = (files.Images[0], files.Label!);
        if (!File.Exists(reference))
            throw new UserException($"{prediction}: there is no reference {reference}");
        var (referred, geometry) = reader.ReadLabels(reference);
        var predicted = reader.ReadLabels(prediction).Voxels;
        try
        {
            var counts = targets.Evaluate(new JointHistogram(referred, predicted));
            var measured = metrics is null ? null : CaseMetrics.Measure(
                files.Id, referred, predicted, geometry.Spacing, counts, metrics, targets.IgnoreLabel);
            return ((new CaseEvaluation(prediction, reference, counts), measured), BytesOfVoxel * referred.VoxelCount);
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
public sealed record FolderEvaluationResult(EvaluationSummary? Summary, IReadOnlyList<string> Failures)
{
    /// <summary>All metrics of the same cases, if they were asked for.</summary>
    public MetricsReport? Metrics { get; init; }
}
