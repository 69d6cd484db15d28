using MedSegDsl.Runtime.Dataset;
using MedSegDsl.Runtime.Files;
using MedSegDsl.Runtime.Inference;
using MedSegDsl.Runtime.Logging;
using MedSegDsl.Runtime.Planning;
using MedSegDsl.Runtime.Training.Cascade;
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
        var experiment = Valid(request.Experiment);
        if (request is { Continue: true, PretrainedWeights: not null })
            throw new UserException("a training cannot both go on and start from pretrained weights: leave out --continue or --pretrained-weights");
        TrainingDevice.UseAllCores(request.Ranks.LocalSize);
        var identity = TrainingIdentity.Of(experiment, request.Fold, request.Seed);
        var source = request.Folders.PreprocessedDataset(identity.Dataset);
        var plans = Plans.ReadFrom(source, experiment.Plans);
        var configuration = plans.Configuration(identity.Configuration);
        var dataset = DatasetJson.ReadFrom(source);
        var previousStage = PreviousStageFolder.For(request.Folders, identity, configuration, experiment.Network.Name);
        using var data = new TrainingData(source, dataset, experiment.Plans, configuration, request.Fold, previousStage);
        var folder = FoldFolder.Of(request.Folders, identity);
        var setup = SetupBuilder.Build(experiment, identity, configuration, dataset, data, folder, request.Ranks);
        using var network = setup.Network;
        var progress = new SeveralProgresses();
        if (request.Ranks.Rank == 0)
        {
            Describe(source, plans, folder, setup);
            progress = Progress(folder, request, console);
        }

        using var trainer = new Trainer(setup, progress);
        if (request.PretrainedWeights is { } file)
            PretrainedWeights.Load(file, PlannedNetwork.Resolve(experiment.Network, configuration), network, progress.Noted);
        trainer.Begin(request.Continue);
        trainer.Run(cancellation, request.Preemption);

        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation, request.Preemption);
        var validation = new FinalValidation(plans, configuration, dataset, request.Folders.RawDataset(identity.Dataset))
        {
            SaveProbabilities = request.SaveProbabilities,
        };
        var options = new SlidingWindowOptions(setup.Augmentation.Patch, setup.Augmentation.MirrorAxes);
        try
        {
            var summary = validation.Run(
                network, options, setup.Device, data.Validation, folder.Validation, progress.Noted, request.Ranks, stop.Token);
            return new TrainingOutcome(folder, trainer.Curves, summary);
        }
        catch (OperationCanceledException) when (request.Preemption.IsCancellationRequested)
        {
            throw new TrainingInterruptedException(
                $"stopped during the final validation; all epochs are in {folder.Final}: --continue validates again");
        }
    }

    /// <summary>Everybody who is told: the log, the picture, the curves for TensorBoard and for programs, the console.</summary>
    private static SeveralProgresses Progress(FoldFolder folder, TrainingRequest request, ITrainingProgress console) => new(
    [
        new LoggedProgress(LineLogger.ToFile(folder.Log)),
        .. request.Logging is { } host ? [new LoggedProgress(host.CreateLogger(LoggedProgress.Category))] : Array.Empty<ITrainingProgress>(),
        new ProgressPicture(folder.Progress),
        new TrainingJson(folder.Json),
        new TensorBoardFile(folder.Path),
        console,
    ]);

    private static Experiment Valid(Experiment experiment)
    {
        var result = ExperimentModule.validate(experiment);
        return result.IsOk
            ? result.ResultValue
            : throw new UserException($"experiment {experiment.Name}: {string.Join("; ", result.ErrorValue)}");
    }

    /// <summary>What the folder of all folds keeps beside them.</summary>
    private static void Describe(string source, Plans plans, FoldFolder folder, TrainingSetup setup)
    {
        Directory.CreateDirectory(folder.Path);
        plans.Write(Path.Combine(folder.Parent, "plans.json"));
        AtomicFile.WriteText(Path.Combine(folder.Parent, "experiment.json"), setup.ExperimentJson);
        foreach (var name in new[] { "dataset.json", "dataset_fingerprint.json" })
        {
            var file = Path.Combine(source, name);
            if (File.Exists(file))
                AtomicFile.WriteText(Path.Combine(folder.Parent, name), File.ReadAllText(file));
        }
    }
}
