using MedSegDsl.Models;
using MedSegDsl.Runtime.Dataset;
using MedSegDsl.Runtime.Planning;
using MedSegDsl.Runtime.Training;
using MedSegDsl.Runtime.Training.Checkpoints;
using TorchSharp;
using static TorchSharp.torch;

namespace MedSegDsl.Runtime.Inference;

/// <summary>A trained model as its folder keeps it: plans, dataset.json, and one network for each fold.</summary>
public sealed class TrainedModel : IDisposable
{
    private const string CheckpointEnding = ".safetensors";
    private readonly List<SegmentationNetwork> networks = [];
    private readonly List<CheckpointState> states = [];

    private TrainedModel(ModelChoice choice, torch.Device device)
    {
        Folder = Path.GetFullPath(choice.Folder);
        Device = device;
        if (!Directory.Exists(Folder))
            throw new UserException($"{Folder}: no such folder; a trained model is expected there");
        foreach (var file in new[] { "plans.json", "dataset.json" })
        {
            if (!File.Exists(Path.Combine(Folder, file)))
                throw new UserException($"{Folder}: holds no {file}: not the folder of a trained model (TRAINER__PLANS__CONFIGURATION)");
        }

        Plans = Plans.Read(Path.Combine(Folder, "plans.json"));
        Dataset = DatasetJson.ReadFrom(Folder);
        CheckpointName = CheckpointFile(choice.Checkpoint);
        Folds = choice.Folds.Count > 0 ? [.. choice.Folds] : Trained();
        try
        {
            foreach (var fold in Folds)
                networks.Add(Load(fold));
        }
        catch
        {
            Dispose();
            throw;
        }

        var first = states[0];
        Configuration = Plans.Configuration(first.Identity.Configuration);
        // A 2D network slides over slices; a checkpoint may give its patch as a volume of depth 1.
        var depth = first.Patch.Count - Configuration.Dimensions;
        Patch = [.. first.Patch.Skip(depth)];
        MirrorAxes = [.. first.MirrorAxes.Select(axis => axis - depth).Where(axis => axis >= 0)];
    }

    /// <summary>The folder of all folds.</summary>
    public string Folder { get; }

    /// <summary>Where the networks are.</summary>
    public torch.Device Device { get; }

    /// <summary>The plans that it was trained with.</summary>
    public Plans Plans { get; }

    /// <summary>The configuration that it was trained in.</summary>
    public PlansConfiguration Configuration { get; }

    /// <summary>The dataset that it was trained on.</summary>
    public DatasetJson Dataset { get; }

    /// <summary>The checkpoint's file name.</summary>
    public string CheckpointName { get; }

    /// <summary>The folds, in the order of the networks.</summary>
    public IReadOnlyList<string> Folds { get; }

    /// <summary>Voxels of the patch, two or three numbers as in the plans.</summary>
    public IReadOnlyList<int> Patch { get; }

    /// <summary>The axes of the patch along which training mirrored.</summary>
    public IReadOnlyList<int> MirrorAxes { get; }

    /// <summary>What the checkpoints say beside their weights.</summary>
    public IReadOnlyList<CheckpointState> States => states;

    /// <summary>The networks, one for each fold, in evaluation mode on <see cref="Device"/>.</summary>
    public IReadOnlyList<SegmentationNetwork> Networks => networks;

    /// <summary>Reads a model's folder.</summary>
    /// <param name="choice">The folder, folds and checkpoint.</param>
    /// <param name="device">Where the networks go.</param>
    /// <exception cref="UserException">
    /// Something is missing, damaged or of another version, or the folds are of different networks.
    /// </exception>
    public static TrainedModel Load(ModelChoice choice, torch.Device device)
    {
        using var noGradients = no_grad();
        TrainingDevice.UseAllCores();
        return new TrainedModel(choice, device);
    }

    /// <inheritdoc />
    public void Dispose() => networks.ForEach(network => network.Dispose());

    private SegmentationNetwork Load(string fold)
    {
        var path = Path.Combine(Folder, "fold_" + fold, CheckpointName);
        if (!File.Exists(path))
            throw new UserException($"{path}: no such checkpoint; {OthersThere()}");
        using var checkpoint = Checkpoint.Read(path);
        var state = checkpoint.State;
        var experiment = Json.toExperiment(state.Experiment);
        if (experiment.IsError)
            throw new UserException($"{path}: its experiment cannot be read: {string.Join("; ", experiment.ErrorValue)}");
        var configuration = Plans.Configuration(state.Identity.Configuration);
        if (state.InputChannels != configuration.InputChannels(Dataset) || state.Outputs != Dataset.LabelManager.Outputs)
        {
            throw new UserException($"{path}: a network of {state.InputChannels} channels and {state.Outputs} outputs, but by "
                + $"dataset.json {configuration.Name} has {configuration.InputChannels(Dataset)} channels and {Dataset.LabelManager.Outputs} outputs");
        }

        if (states.Count > 0 && (!state.Patch.SequenceEqual(states[0].Patch)
            || state.Identity.Configuration != states[0].Identity.Configuration))
            throw new UserException($"{path}: was trained in another configuration or with another patch than fold {Folds[0]}");
        states.Add(state);
        return Build(
            PlannedNetwork.Resolve(experiment.ResultValue.Network, configuration), experiment.ResultValue.Precision, checkpoint);
    }

    private SegmentationNetwork Build(Network definition, Precision precision, Checkpoint checkpoint)
    {
        var state = checkpoint.State;
        var patch = new Size3(state.Patch[^3], state.Patch[^2], state.Patch[^1]);
        var network = NetworkBuilder.Build(definition, state.InputChannels, state.Outputs, patch);
        try
        {
            checkpoint.LoadNetwork(network);
            network.to(Device);
            // As it was trained; on the CPU, where half precision is slow or missing, in float32, which it was rounded from.
            network.ComputeType = Device.type == DeviceType.CPU ? null : TrainingPrecision.ComputeType(precision);
            network.eval();
            return network;
        }
        catch
        {
            network.Dispose();
            throw;
        }
    }

    /// <summary>Every fold that has the checkpoint, but for the one that trained on all cases.</summary>
    private string[] Trained()
    {
        string[] folds = [.. FoldFolders()
            .Where(fold => fold != "all" && File.Exists(Path.Combine(Folder, "fold_" + fold, CheckpointName)))
            .OrderBy(fold => fold.Length).ThenBy(fold => fold, StringComparer.Ordinal)];
        return folds.Length > 0 ? folds : throw new UserException($"{Folder}: no fold has {CheckpointName}; {OthersThere()}");
    }

    private string OthersThere()
    {
        string[] there = [.. FoldFolders().Order(StringComparer.Ordinal).SelectMany(fold =>
            Directory.EnumerateFiles(Path.Combine(Folder, "fold_" + fold), "checkpoint_*" + CheckpointEnding)
                .Select(path => $"fold {fold} {Path.GetFileNameWithoutExtension(path)}").Order(StringComparer.Ordinal))];
        return there.Length == 0 ? "there is none in this folder: train the model first" : $"there is {string.Join(", ", there)}";
    }

    private IEnumerable<string> FoldFolders() => Directory.EnumerateDirectories(Folder, "fold_*")
        .Select(path => Path.GetFileName(path)["fold_".Length..]);

    private static string CheckpointFile(string name)
    {
        foreach (var ending in new[] { CheckpointEnding, ".pth" })
        {
            if (name.EndsWith(ending, StringComparison.Ordinal))
                name = name[..^ending.Length];
        }

        return name + CheckpointEnding;
    }
}
