using MedSegDsl.Models;
using MedSegDsl.Runtime.Dataset;
using MedSegDsl.Runtime.Distributed;
using MedSegDsl.Runtime.Planning;
using MedSegDsl.Runtime.Training.Augmentations;
using TorchSharp;

namespace MedSegDsl.Runtime.Training;

/// <summary>From an experiment and the plans to a training.</summary>
internal static class SetupBuilder
{
    /// <summary>Resolves patch and batch, checks the network for them, and builds it.</summary>
    /// <param name="experiment">A valid experiment.</param>
    /// <param name="identity">Which training it is.</param>
    /// <param name="configuration">The plans' configuration.</param>
    /// <param name="dataset">The dataset's dataset.json.</param>
    /// <param name="data">The fold's cases.</param>
    /// <param name="folder">Where the results go.</param>
    /// <param name="ranks">The processes that train together.</param>
    /// <returns>The training; the caller disposes its network.</returns>
    /// <exception cref="UserException">The network does not fit the patch, or the device is not there or lacks the precision.</exception>
    public static TrainingSetup Build(
        Experiment experiment,
        TrainingIdentity identity,
        PlansConfiguration configuration,
        DatasetJson dataset,
        TrainingData data,
        FoldFolder folder,
        ICommunicator ranks)
    {
        var definition = PlannedNetwork.Resolve(experiment.Network, configuration);
        var volume = NetworkModule.fitPatch(
            experiment.Patch is Planned<Size3>.Set { Item: var size } ? size : configuration.PatchVolume, definition);
        int[] patch = [volume.D, volume.H, volume.W];
        var batch = experiment.Batch is Planned<int>.Set { Item: var count } ? count : configuration.BatchSize;
        var labels = dataset.LabelManager;
        var channels = configuration.InputChannels(dataset);
        Check(experiment, definition, configuration, volume, channels, labels.Outputs);
        var device = TrainingDevice.Resolve(experiment.Device, ranks.LocalRank);
        TrainingPrecision.Check(experiment.Precision, device);
        var network = NetworkBuilder.Build(definition, channels, labels.Outputs, volume, identity.Seed);
        network.to(device);
        network.ComputeType = TrainingPrecision.ComputeType(experiment.Precision);
        return new TrainingSetup
        {
            Experiment = experiment,
            ExperimentJson = Json.ofExperiment(experiment),
            Identity = identity,
            Definition = definition,
            Network = network,
            Labels = labels,
            BatchDice = configuration.BatchDice,
            Patch = patch,
            Batch = batch,
            Ranks = ranks,
            TrainingCases = data.Training,
            ValidationCases = data.Validation,
            Augmentation = new Augmenter(
                experiment.Augmentation,
                patch[^configuration.Dimensions..],
                MaskedChannels(configuration),
                configuration.PreviousStage is null ? [] : labels.ForegroundLabels),
            Device = device,
            Folder = folder,
        };
    }

    private static int[] MaskedChannels(PlansConfiguration configuration) =>
        [.. Enumerable.Range(0, configuration.UseMaskForNorm.Length).Where(channel => configuration.UseMaskForNorm[channel])];

    private static void Check(
        Experiment experiment, Network definition, PlansConfiguration configuration, Size3 patch, int channels, int outputs)
    {
        var result = NetworkModule.validateFor(patch, channels, outputs, definition);
        if (!result.IsError)
            return;
        throw new UserException(
            $"the patch {patch}{(experiment.Patch.IsFromPlans ? $" of {experiment.Plans}, configuration {configuration.Name}," : "")} does not suit "
            + $"{experiment.Network.Name}: {string.Join("; ", result.ErrorValue)}; set another one in the experiment");
    }
}
