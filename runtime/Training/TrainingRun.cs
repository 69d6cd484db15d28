using MedSegDsl.Runtime.Distributed;
using MedSegDsl.Runtime.Files;
using MedSegDsl.Runtime.Inference;
using MedSegDsl.Runtime.Logging;
using MedSegDsl.Runtime.Training.Progress;
using MedSegDsl.Runtime.Weights;

namespace MedSegDsl.Runtime.Training;

/// <summary>One training from the experiment to the evaluated validation cases.</summary>
public static class TrainingRun
{
    /// <summary>Trains, validates, and leaves everything in the fold's folder.</summary>
    /// <param name="request">What to train.</param>
    /// <param name="console">Is told how it goes, beside the log and the picture in the folder.</param>
    /// <param name="cancellation">Stops after the batch at hand.</param>
    /// <exception cref="UserException">The experiment is wrong, or something that it needs is missing.</exception>
    /// <exception cref="TrainingInterruptedException">The request's preemption came true.</exception>
    public static TrainingOutcome Run(TrainingRequest request, ITrainingProgress console, CancellationToken cancellation = default)
    {
        var ranks = request.Ranks;
        TrainingDevice.UseAllCores(ranks.CoreSharers);
        using var prepared = ranks.Together(() => PreparedTraining.Of(request));
        var (log, progress) = (new SeveralProgresses(), new SeveralProgresses());
        if (ranks.Rank == 0)
        {
            Describe(prepared);
            log = Log(prepared.Setup.Folder, request);
            progress = Progress(prepared.Setup.Folder, log, console);
        }

        try
        {
            return Run(request, prepared, progress, cancellation);
        }
        catch (Exception cause)
        {
            // Whoever called shows it as well.
            log.Warned(cause is UserException or TrainingInterruptedException or OperationCanceledException ? cause.Message : cause.ToString());
            throw;
        }
    }

    private static TrainingOutcome Run(
        TrainingRequest request, PreparedTraining prepared, SeveralProgresses progress, CancellationToken cancellation)
    {
        var (ranks, setup) = (request.Ranks, prepared.Setup);
        var folder = setup.Folder;
        using var trainer = ranks.Together(() => new Trainer(setup, progress));
        if (request.PretrainedWeights is { } file)
            ranks.Together(() => LoadPretrained(file, setup, progress));
        trainer.Begin(request.Continue);
        trainer.Run(cancellation, request.Preemption);

        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation, request.Preemption);
        var validation = new FinalValidation(prepared.Plans, prepared.Configuration, prepared.Dataset, prepared.References)
        {
            SaveProbabilities = request.SaveProbabilities,
        };
        var options = new SlidingWindowOptions(setup.Augmentation.Patch, setup.Augmentation.MirrorAxes);
        try
        {
            var summary = validation.Run(
                setup.Network, options, setup.Device, prepared.Data.Validation, folder.Validation, progress.Noted, ranks, stop.Token);
            return new TrainingOutcome(folder, trainer.Curves, summary);
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            throw new TrainingInterruptedException(
                $"stopped during the final validation; all epochs are in {folder.Final}: --continue validates again");
        }
    }

    /// <summary>The log in the folder, and that of a host program.</summary>
    private static SeveralProgresses Log(FoldFolder folder, TrainingRequest request) => new(
    [
        new LoggedProgress(LineLogger.ToFile(folder.Log)),
        .. request.Logging is { } host ? [new LoggedProgress(host.CreateLogger(LoggedProgress.Category))] : Array.Empty<ITrainingProgress>(),
    ]);

    /// <summary>Everybody who is told: the log, the picture, the curves for TensorBoard and for programs, the console.</summary>
    private static SeveralProgresses Progress(FoldFolder folder, ITrainingProgress log, ITrainingProgress console) => new(
        log, new ProgressPicture(folder.Progress), new TrainingJson(folder.Json), new TensorBoardFile(folder.Path), console);

    private static string LoadPretrained(string file, TrainingSetup setup, SeveralProgresses progress)
    {
        PretrainedWeights.Load(file, setup.Definition, setup.Network, progress.Noted);
        return file;
    }

    /// <summary>What the folder of all folds keeps beside them.</summary>
    private static void Describe(PreparedTraining prepared)
    {
        var (source, setup) = (prepared.Source, prepared.Setup);
        var folder = setup.Folder;
        Directory.CreateDirectory(folder.Path);
        prepared.Plans.Write(Path.Combine(folder.Parent, "plans.json"));
        AtomicFile.WriteText(Path.Combine(folder.Parent, "experiment.json"), setup.ExperimentJson);
        foreach (var name in new[] { "dataset.json", "dataset_fingerprint.json" })
        {
            var file = Path.Combine(source, name);
            if (File.Exists(file))
                AtomicFile.WriteText(Path.Combine(folder.Parent, name), File.ReadAllText(file));
        }
    }
}
