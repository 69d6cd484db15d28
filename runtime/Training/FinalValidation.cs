using MedSegDsl.Models;
using MedSegDsl.Runtime.Dataset;
using MedSegDsl.Runtime.Distributed;
using MedSegDsl.Runtime.Evaluation;
using MedSegDsl.Runtime.Imaging;
using MedSegDsl.Runtime.Inference;
using MedSegDsl.Runtime.Planning;
using MedSegDsl.Runtime.Storage;
using MedSegDsl.Runtime.Training.Cascade;

namespace MedSegDsl.Runtime.Training;

/// <summary>
/// What follows the last epoch (nnU-Net v2, perform_actual_validation): every validation case is predicted from its
/// preprocessed data, written on its image's own grid, and compared with its label map. The first stage of a cascade also
/// writes what the second one takes.
/// </summary>
/// <param name="plans">The plans.</param>
/// <param name="configuration">The configuration that was trained.</param>
/// <param name="dataset">The dataset's dataset.json.</param>
/// <param name="references">The label map of each case, which also says how to write a file of it.</param>
public sealed class FinalValidation(
    Plans plans, PlansConfiguration configuration, DatasetJson dataset, IReadOnlyDictionary<string, string> references)
{
    private readonly PlansConfiguration? next =
        configuration.NextStage is { } stage && plans.ConfigurationNames.Contains(stage) ? plans.Configuration(stage) : null;

    /// <summary>Whether CASE.npz with the probabilities is written as well.</summary>
    public bool SaveProbabilities { get; init; }

    /// <summary>Predicts, writes and evaluates.</summary>
    /// <param name="network">The trained network.</param>
    /// <param name="options">Patch and mirroring.</param>
    /// <param name="device">Where the network is.</param>
    /// <param name="cases">The preprocessed validation cases.</param>
    /// <param name="folder">Receives CASE.nii.gz and summary.json, and the model's folder, two above it, the label maps for the
    /// next stage.</param>
    /// <param name="note">Told in a line what each case came to.</param>
    /// <param name="ranks">The processes that share the cases: each takes every so many of them, and rank 0 writes the summary.</param>
    /// <param name="cancellation">Stops between two tiles; several processes, of which one is enough, between two cases.</param>
    /// <exception cref="UserException">A label map cannot be read, or the network's output is not finite.</exception>
    public EvaluationSummary Run(
        SegmentationNetwork network,
        SlidingWindowOptions options,
        TorchSharp.torch.Device device,
        IReadOnlyList<StoredCase> cases,
        string folder,
        Action<string> note,
        ICommunicator ranks,
        CancellationToken cancellation = default)
    {
        var reader = ImageReaders.ByName(plans.ImageReaderWriter);
        var targets = new EvaluationTargets(dataset.LabelManager);
        Directory.CreateDirectory(folder);
        network.eval();
        using var predictor = new SlidingWindowPredictor(options, device);
        List<CaseEvaluation> evaluations = [];
        string Line(CaseEvaluation evaluation) => $"{Path.GetFileName(evaluation.PredictionFile)[..^dataset.FileEnding.Length]}: Dice "
            + string.Join(" ", targets.Targets.Select(t => Progress.ProgressText.Number(evaluation.Metrics[t].Dice)));
        foreach (var round in cases.OrderBy(c => c.Id, StringComparer.Ordinal).Chunk(ranks.Size))
        {
            StopTogether(ranks, cancellation);
            if (ranks.Rank >= round.Length)
                continue;
            var stored = round[ranks.Rank];
            var reference = references[stored.Id];
            var logits = predictor.Predict(CasePredictor.Function(network), Image(stored), cancellation: ranks.Size == 1 ? cancellation : default);
            var geometry = reader.ReadLabels(reference).Geometry;
            var labels = Segment(logits, stored, Path.Combine(folder, stored.Id + ".npz"), new(reader.Name, geometry));
            var file = Path.Combine(folder, stored.Id + dataset.FileEnding);
            reader.WriteLabels(file, labels, geometry);
            WriteNextStage(logits, stored, Path.GetFullPath(Path.Combine(folder, "..", "..")));
            evaluations.Add(FolderEvaluation.EvaluateCase(file, reference, targets, reader));
            if (ranks.Size == 1)
                note(Line(evaluations[^1]));
        }

        var all = SharedEvaluation.Gather(evaluations, targets.Targets, ranks);
        if (ranks.Size > 1)
            foreach (var evaluation in all)
                note(Line(evaluation));
        var summary = new EvaluationSummary(targets.Targets, all);
        if (ranks.Rank == 0)
            summary.Write(Path.Combine(folder, "summary.json"));
        note($"mean foreground Dice of the validation cases {Progress.ProgressText.Number(summary.ForegroundMean.Dice)}");
        return summary;
    }

    /// <summary>Where a process is to stop, all do, and part.</summary>
    private static void StopTogether(ICommunicator ranks, CancellationToken cancellation)
    {
        if (ranks.Size == 1 || ranks.Gather(new byte[] { (byte)(cancellation.IsCancellationRequested ? 1 : 0) }).All(asked => asked[0] == 0))
            return;
        ranks.Close();
        throw new OperationCanceledException();
    }

    /// <summary>The label map of a case; its probabilities go into a file where they are wanted.</summary>
    private ImageArray<short> Segment(Logits logits, StoredCase stored, string probabilityFile, CaseOrigin origin)
    {
        var grid = ExportGrid.Of(plans, configuration, stored.Properties);
        var order = dataset.LabelManager.RegionsClassOrder;
        if (!SaveProbabilities)
            return Exporter.Segment(logits, grid, order, Environment.ProcessorCount);
        var (labels, probabilities) = Exporter.SegmentWithProbabilities(logits, grid, order, Environment.ProcessorCount);
        ProbabilityFile.Write(probabilityFile, probabilities);
        CasePickle.WriteBeside(probabilityFile, stored.Properties, origin);
        return labels;
    }

    /// <summary>What the network sees of a case.</summary>
    private ImageArray<float> Image(StoredCase stored)
    {
        var image = stored.ReadImage();
        return stored.ReadPreviousStage() is { } previous
            ? PreviousStageChannels.Append(image, previous, dataset.LabelManager.ForegroundLabels)
            : image;
    }

    private void WriteNextStage(Logits logits, StoredCase stored, string model)
    {
        if (next is null)
            return;
        var labels = NextStageLabels.Of(
            logits, plans, configuration, next, stored.Properties, dataset.LabelManager.RegionsClassOrder, Environment.ProcessorCount);
        StoredLabels.Write(PreviousStageFolder.Of(model, next.Name), stored.Id, labels, stored.IsCompressed);
    }
}
