using MedSegDsl.Runtime.Dataset;
using MedSegDsl.Runtime.Files;
using MedSegDsl.Runtime.Inference;
using MedSegDsl.Runtime.Planning;
using MedSegDsl.Runtime.Training.Checkpoints;
using MedSegDsl.Runtime.Training.Progress;

namespace MedSegDsl.Runtime.Training;

/// <summary>One training from the experiment to the evaluated validation cases.</summary>
public static class TrainingRun
{
    /// <summary>Trains, validates, and leaves everything in the fold's folder.</summary>
    /// <param name="request">What to train.</param>
    /// <param name="console">Is told how it goes, beside the log and the picture in the folder.</param>
    /// <param name="cancellation">Stops after the batch at hand.</param>
    /// <exception cref="UserException">The experiment is wrong, or something that it needs is missing.</exception>
    public static TrainingOutcome Run(TrainingRequest request, ITrainingProgress console, CancellationToken cancellation = default)
    {
        var experiment = Valid(request.Experiment);
        TrainingDevice.UseAllCores();
        var identity = TrainingIdentity.Of(experiment, request.Fold, request.Seed);
        var source = request.Folders.PreprocessedDataset(identity.Dataset);
        var plans = Plans.ReadFrom(source, experiment.Plans);
        var configuration = plans.Configuration(identity.Configuration);
        var dataset = DatasetJson.ReadFrom(source);
        Check(configuration);
        using var data = new TrainingData(source, dataset, experiment.Plans, configuration, request.Fold);
        var folder = FoldFolder.Of(request.Folders, identity);
        var setup = SetupBuilder.Build(experiment, identity, configuration, dataset, data, folder);
        using var network = setup.Network;
        Describe(source, plans, folder, setup);

        var progress = new SeveralProgresses(
            new TrainingLogFile(folder.Log), new ProgressPicture(folder.Progress), console);
        using var trainer = new Trainer(setup, progress);
        progress.Noted(Start(request.Continue, folder, trainer, experiment.Epochs));
        trainer.Run(cancellation);

        var validation = new FinalValidation(plans, configuration, dataset, request.Folders.RawDataset(identity.Dataset));
        var summary = validation.Run(
            network,
            new SlidingWindowOptions(setup.Patch, setup.Augmentation.MirrorAxes),
            setup.Device,
            data.Validation,
            folder.Validation,
            progress.Noted,
            cancellation);
        return new TrainingOutcome(folder, trainer.Curves, summary);
    }

    private static Experiment Valid(Experiment experiment)
    {
        var result = ExperimentModule.validate(experiment);
        return result.IsOk
            ? result.ResultValue
            : throw new UserException($"experiment {experiment.Name}: {string.Join("; ", result.ErrorValue)}");
    }

    private static void Check(PlansConfiguration configuration)
    {
        if (configuration.Dimensions != 3)
            throw new UserException($"configuration {configuration.Name} is two-dimensional, but the network takes volumes: choose 3d_fullres");
        if (configuration.PreviousStage is not null)
            throw new UserException($"configuration {configuration.Name} is the second stage of a cascade, which is not available yet: choose 3d_fullres");
    }

    private static string Start(bool goOn, FoldFolder folder, Trainer trainer, int epochs)
    {
        if (goOn && folder.Resumable is { } file)
        {
            using var checkpoint = Checkpoint.Read(file);
            trainer.Resume(checkpoint);
            if (trainer.Curves.Epochs.Count < epochs)
                folder.Reopen();
            return $"going on after epoch {trainer.Curves.Epochs.Count} from {file}";
        }

        folder.RemoveCheckpoints();
        return goOn ? "no checkpoint to go on from: starting from the beginning" : "starting from the beginning";
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
