using MedSegDsl.Runtime.Dataset;
using MedSegDsl.Runtime.Planning;

namespace MedSegDsl.Runtime.Comparison;

/// <summary>The network of a trained model and what it was trained for.</summary>
/// <param name="Network">The network, with what it takes from the plans.</param>
/// <param name="Channels">Of its input.</param>
/// <param name="Classes">Of its output, background included.</param>
/// <param name="Patch">Voxels along z, y, x.</param>
public sealed record TrainedDefinition(Network Network, int Channels, int Classes, Size3 Patch)
{
    /// <summary>Reads the experiment in a model's folder.</summary>
    /// <param name="folder">The folder of all folds.</param>
    /// <returns>Null where the folder has no experiment.json: another program trained it.</returns>
    /// <exception cref="UserException">The experiment, dataset.json or plans.json cannot be read.</exception>
    public static TrainedDefinition? Of(string folder)
    {
        var file = Path.Combine(folder, "experiment.json");
        if (!File.Exists(file))
            return null;
        var read = Json.toExperiment(File.ReadAllText(file));
        if (read.IsError)
            throw new UserException($"{file}: {string.Join("; ", read.ErrorValue)}");
        var experiment = read.ResultValue;
        var dataset = DatasetJson.ReadFrom(folder);
        var (definition, wanted, channels) = Sizes(experiment, folder, dataset);
        return new TrainedDefinition(
            definition, channels, dataset.LabelManager.Outputs, NetworkModule.fitPatch(wanted, definition));
    }

    /// <summary>The network, its patch and its input channels, with what the experiment leaves to the plans.</summary>
    private static (Network Definition, Size3 Patch, int Channels) Sizes(Experiment experiment, string folder, DatasetJson dataset)
    {
        var own = (experiment.Patch as Planned<Size3>.Set)?.Item;
        if (own is { } set && !UNetPlanModule.isNeeded(experiment.Network) && !experiment.Configuration.IsThreeDCascadeFullRes)
            return (experiment.Network, set, dataset.ChannelNames.Count);
        var configuration = Plans.Read(Path.Combine(folder, "plans.json"))
            .Configuration(Training.TrainingIdentity.ConfigurationName(experiment.Configuration));
        return (
            PlannedNetwork.Resolve(experiment.Network, configuration),
            own ?? configuration.PatchVolume,
            configuration.InputChannels(dataset));
    }
}
