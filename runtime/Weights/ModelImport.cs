using MedSegDsl.Models;
using MedSegDsl.Runtime.Files;
using MedSegDsl.Runtime.Planning;
using MedSegDsl.Runtime.Training;
using MedSegDsl.Runtime.Training.Checkpoints;

namespace MedSegDsl.Runtime.Weights;

/// <summary>Weights from elsewhere as a trained model, in nnU-Net's layout, from which prediction works.</summary>
/// <param name="File">The weights.</param>
/// <param name="Source">The plans and dataset.json that they were trained with.</param>
/// <param name="Experiment">Network, dataset and configuration.</param>
/// <param name="Fold">The fold that they were trained on.</param>
public sealed record ModelImport(WeightsFile File, ImportSource Source, Experiment Experiment, Fold Fold)
{
    /// <summary>The patch that the weights were made for, where neither file nor plans say it.</summary>
    public Size3? WeightsPatch { get; init; }

    /// <summary>Replace a checkpoint that is there.</summary>
    public bool Overwrite { get; init; }

    /// <summary>Where the weights belong among trained models.</summary>
    public TrainingIdentity Identity => TrainingIdentity.Of(Experiment, Fold, Experiment.Seeds[0]);

    /// <summary>Checks the weights against the network and writes the model: plans.json, dataset.json, experiment.json and
    /// the fold's checkpoint_final.</summary>
    /// <param name="folder">The model's folder, TRAINER__PLANS__CONFIGURATION.</param>
    /// <param name="note">Told in a line where position embeddings were interpolated.</param>
    /// <returns>The fold's folder.</returns>
    /// <exception cref="UserException">Every name that is missing, unexpected or of a wrong shape; or the network does not
    /// suit the plans; or there is a checkpoint already.</exception>
    public FoldFolder Write(string folder, Action<string> note)
    {
        var fold = new FoldFolder(Path.Combine(folder, $"fold_{Identity.Fold}"));
        if (System.IO.File.Exists(fold.Final) && !Overwrite)
            throw new UserException($"{fold.Final}: is there already; choose another folder or fold, or say --overwrite");
        var configuration = Source.Plans.Configuration(Identity.Configuration);
        using var network = Build(configuration);
        Load(network, note);
        Source.Plans.Write(Path.Combine(folder, "plans.json"));
        PythonJson.Write(Path.Combine(folder, "dataset.json"), Source.Dataset.Json);
        AtomicFile.WriteText(Path.Combine(folder, "experiment.json"), Json.ofExperiment(Experiment));
        var state = CheckpointState.Imported(Identity, Experiment, network, configuration.BatchSize, MirrorAxes(configuration));
        Checkpoint.Write(fold.Final, state, network, optimizer: null);
        return fold;
    }

    private SegmentationNetwork Build(PlansConfiguration configuration)
    {
        var wanted = Experiment.Patch is Planned<Size3>.Set { Item: var size } ? size : configuration.PatchVolume;
        var definition = PlannedNetwork.Resolve(Experiment.Network, configuration);
        var patch = NetworkModule.fitPatch(wanted, definition);
        var channels = configuration.InputChannels(Source.Dataset);
        var outputs = Source.Dataset.LabelManager.Outputs;
        var result = NetworkModule.validateFor(patch, channels, outputs, definition);
        return result.IsOk
            ? NetworkBuilder.Build(definition, channels, outputs, patch)
            : throw new UserException($"the patch {patch} does not suit {Experiment.Network.Name}: {string.Join("; ", result.ErrorValue)}");
    }

    private void Load(SegmentationNetwork network, Action<string> note)
    {
        try
        {
            StateDict.Load(network, File, WeightsPatch, note);
        }
        catch (ModelException cause)
        {
            throw new UserException($"{File.Path}: {cause.Message}", cause);
        }
    }

    /// <summary>What the checkpoint allows, 0 = z; all of the patch's axes where it is none of nnU-Net's.</summary>
    private int[] MirrorAxes(PlansConfiguration configuration)
    {
        var axes = File.Checkpoint is { } checkpoint ? checkpoint.MirrorAxes ?? [] : Enumerable.Range(0, configuration.Dimensions);
        return [.. axes.Select(axis => axis + 3 - configuration.Dimensions)];
    }
}
