using MedSegDsl.Runtime.Dataset;
using MedSegDsl.Runtime.Measurement;
using MedSegDsl.Runtime.Planning;

namespace MedSegDsl.Runtime.Comparison;

/// <summary>What a network costs on one patch of its training.</summary>
/// <param name="Parameters">Learned numbers.</param>
/// <param name="MultiplyAdds">Multiply–adds of a forward pass, as the paper counts FLOPs.</param>
/// <param name="ActivationBytes">What the activations of a patch take in float32 until the backward pass.</param>
/// <param name="LatencyMs">The median time of a forward pass in milliseconds; null where it was not measured.</param>
public sealed record ModelCost(long Parameters, long MultiplyAdds, long ActivationBytes, double? LatencyMs)
{
    /// <summary>The cost of a trained model from the experiment in its folder.</summary>
    /// <param name="folder">The folder of all folds.</param>
    /// <param name="device">Where a forward pass is timed; null for no timing.</param>
    /// <returns>Null where the folder has no experiment.json: another program trained it.</returns>
    /// <exception cref="UserException">The experiment cannot be read, or does not fit its own plans.</exception>
    public static ModelCost? Of(string folder, MedSegDsl.Device? device)
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
        var patch = NetworkModule.fitPatch(wanted, definition);
        var outputs = dataset.LabelManager.Outputs;
        var cost = NetworkCostModule.ofNetwork(patch, channels, outputs, definition);
        if (cost.IsError)
            throw new UserException($"{file}: {string.Join("; ", cost.ErrorValue)}");
        var total = cost.ResultValue.Total;
        return new ModelCost(
            total.ParameterCount,
            total.MultiplyAdds,
            total.ActivationBytes,
            device is null
                ? null
                : NetworkMeasurement.Run(definition, channels, outputs, patch, device, _ => { }).Forward?.Milliseconds);
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
