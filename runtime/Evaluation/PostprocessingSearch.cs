using MedSegDsl.Runtime.Files;
using MedSegDsl.Runtime.Imaging;

namespace MedSegDsl.Runtime.Evaluation;

/// <summary>
/// Decides on predictions with references which post-processing helps: keeping the largest component of all foreground
/// together, then of each label or region (nnU-Net v2, postprocessing/remove_connected_components.py).
/// </summary>
public sealed class PostprocessingSearch
{
    private readonly string predictionFolder;
    private readonly string referenceFolder;
    private readonly EvaluationTargets targets;
    private readonly IImageReader reader;
    private readonly List<string> names;

    /// <summary>A search on a folder of predictions, best those of a whole cross-validation.</summary>
    /// <param name="predictionFolder">Predicted label maps. The result goes to its folder <c>postprocessed</c> and files postprocessing.json and .pkl.</param>
    /// <param name="referenceFolder">Reference label maps of the same names.</param>
    /// <param name="targets">Labels or regions of the dataset.</param>
    /// <param name="reader">Reads and writes label maps.</param>
    /// <param name="fileEnding">Their ending, with its dot.</param>
    /// <exception cref="UserException">The folder is missing or empty.</exception>
    public PostprocessingSearch(
        string predictionFolder, string referenceFolder, EvaluationTargets targets, IImageReader reader, string fileEnding)
    {
        this.predictionFolder = predictionFolder;
        this.referenceFolder = referenceFolder;
        this.targets = targets;
        this.reader = reader;
        names = LabelMapFiles.In(predictionFolder, fileEnding);
        if (names.Count == 0)
            throw new UserException($"{predictionFolder}: no predictions; files ending in {fileEnding} are expected there");
    }

    /// <summary>Where the post-processed label maps go.</summary>
    public string OutputFolder => Path.Combine(predictionFolder, "postprocessed");

    /// <summary>Tries the steps and keeps those that help.</summary>
    /// <returns>The accepted steps. The label maps are written to <see cref="OutputFolder"/>, with summary.json.</returns>
    /// <exception cref="UserException">A case cannot be evaluated; the line names it.</exception>
    public Postprocessing Run()
    {
        var before = Evaluate(null);
        var best = before;
        List<LargestComponent> accepted = [];
        Keep(null);
        Try(LargestComponent.OfAll(targets.ForegroundLabels), (current, candidate) =>
            candidate.ForegroundMean.Dice > current.ForegroundMean.Dice
            && !targets.Targets.Any(target => candidate.Means[target].Dice < current.Means[target].Dice));
        if (targets.Targets.Count > 1)
        {
            foreach (var target in targets.Targets)
            {
                Try(LargestComponent.Of(target), (current, candidate) =>
                    candidate.Means[target].Dice > current.Means[target].Dice);
            }
        }

        var result = new Postprocessing(accepted);
        best.Write(Path.Combine(OutputFolder, "summary.json"));
        PythonJson.Write(Path.Combine(predictionFolder, Postprocessing.FileName), result.ToJson(before, best), sortKeys: true);
        result.WritePickle(Path.Combine(predictionFolder, Postprocessing.PickleName));
        return result;

        void Try(LargestComponent step, Func<EvaluationSummary, EvaluationSummary, bool> helps)
        {
            var candidate = Evaluate(step);
            if (!helps(best, candidate))
                return;
            best = candidate;
            accepted.Add(step);
            Keep(step);
        }
    }

    /// <summary>Evaluates the label maps that are best so far, with one more step.</summary>
    private EvaluationSummary Evaluate(LargestComponent? step)
    {
        var cases = new CaseEvaluation[names.Count];
        ForEachCase(i =>
        {
            var (file, reference) = (Current(names[i], step), Path.Combine(referenceFolder, names[i]));
            var map = reader.ReadLabels(file).Voxels;
            var histogram = new JointHistogram(reader.ReadLabels(reference).Voxels, step is null ? map : step.Apply(map));
            cases[i] = new CaseEvaluation(Path.Combine(OutputFolder, names[i]), reference, targets.Evaluate(histogram));
        });
        return new EvaluationSummary(targets.Targets, cases);
    }

    /// <summary>Makes the label maps with one more step the best ones; the first time, the predictions themselves.</summary>
    private void Keep(LargestComponent? step) => ForEachCase(i =>
    {
        var (voxels, geometry) = reader.ReadLabels(Current(names[i], step));
        reader.WriteLabels(Path.Combine(OutputFolder, names[i]), step is null ? voxels : step.Apply(voxels), geometry);
    });

    private string Current(string name, LargestComponent? step) =>
        Path.Combine(step is null ? predictionFolder : OutputFolder, name);

    private void ForEachCase(Action<int> action)
    {
        var failures = new UserException?[names.Count];
        Parallel.For(0, names.Count, i =>
        {
            try
            {
                action(i);
            }
            catch (UserException cause)
            {
                failures[i] = new UserException($"{names[i]}: {cause.Message}", cause);
            }
        });
        if (failures.OfType<UserException>().FirstOrDefault() is { } failure)
            throw failure;
    }
}
