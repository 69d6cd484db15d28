using System.Text.Json;
using System.Text.Json.Serialization;
using MedSegDsl.Models;
using MedSegDsl.Runtime.Training.Optimization;

namespace MedSegDsl.Runtime.Training.Checkpoints;

/// <summary>
/// What a checkpoint holds beside tensors. Random numbers have no state of their own: all of them, on the host and on the
/// device, follow from the seed, the epoch and the batch, so that the place in the training stands for them.
/// </summary>
/// <param name="Version">Of this layout: <see cref="CurrentVersion"/>.</param>
/// <param name="Identity">Which training it is.</param>
/// <param name="Experiment">The experiment as JSON, the network's definition included.</param>
/// <param name="Patch">The patch that the network was built for, voxels along z, y, x; one slice in 2D.</param>
/// <param name="Batch">Patches in a batch.</param>
/// <param name="InputChannels">The channels that the network takes.</param>
/// <param name="Outputs">The channels of its class maps.</param>
/// <param name="MirrorAxes">The axes that prediction may mirror, 0 = z.</param>
/// <param name="OptimizerSteps">Steps of the optimizer so far.</param>
/// <param name="Curves">The epochs so far.</param>
/// <param name="LossScale">The loss scale of a training in float16; else null.</param>
/// <param name="StepsWithoutOverflow">The steps since the loss scale last changed.</param>
public sealed record CheckpointState(
    int Version,
    TrainingIdentity Identity,
    string Experiment,
    IReadOnlyList<int> Patch,
    int Batch,
    int InputChannels,
    int Outputs,
    IReadOnlyList<int> MirrorAxes,
    long OptimizerSteps,
    Curves Curves,
    double? LossScale = null,
    int StepsWithoutOverflow = 0)
{
    /// <summary>The layout that is written and read.</summary>
    public const int CurrentVersion = 2;

    private static readonly JsonSerializerOptions Options = new()
    {
        NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
    };

    /// <summary>What was done of the epoch after the finished ones.</summary>
    public UnfinishedEpoch Unfinished { get; init; }

    /// <summary>The state of a training.</summary>
    internal static CheckpointState Of(
        TrainingSetup setup, Curves curves, UnfinishedEpoch unfinished, long optimizerSteps, LossScale? lossScale) => new(
        CurrentVersion,
        setup.Identity,
        setup.ExperimentJson,
        setup.Patch,
        setup.Batch,
        setup.Network.InChannels,
        setup.Network.Classes,
        setup.MirrorAxes,
        optimizerSteps,
        curves,
        lossScale?.Value,
        lossScale?.StepsWithoutOverflow ?? 0)
        {
            Unfinished = unfinished,
        };

    /// <summary>The state of weights that were trained elsewhere: no epochs and no optimizer of its own.</summary>
    /// <param name="identity">Where they belong.</param>
    /// <param name="experiment">The experiment, with the network's definition.</param>
    /// <param name="network">The network.</param>
    /// <param name="batch">Patches in a batch.</param>
    /// <param name="mirrorAxes">The axes that prediction may mirror.</param>
    public static CheckpointState Imported(
        TrainingIdentity identity, Experiment experiment, SegmentationNetwork network, int batch, IReadOnlyList<int> mirrorAxes) => new(
        CurrentVersion,
        identity,
        Json.ofExperiment(experiment),
        [network.Patch.D, network.Patch.H, network.Patch.W],
        batch,
        network.InChannels,
        network.Classes,
        mirrorAxes,
        0,
        new Curves([]));

    /// <summary>The state as JSON.</summary>
    public string ToJson() => JsonSerializer.Serialize(this, Options);

    /// <summary>Reads a state.</summary>
    /// <param name="json">What <see cref="ToJson"/> gave.</param>
    /// <param name="path">The file, for errors.</param>
    /// <exception cref="OtherVersionException">It is of another version.</exception>
    /// <exception cref="UserException">It is something else.</exception>
    public static CheckpointState FromJson(string json, string path)
    {
        try
        {
            // Alone and first: another version may have other fields.
            CheckVersion(JsonSerializer.Deserialize<Layout>(json)?.Version, path);
            return JsonSerializer.Deserialize<CheckpointState>(json, Options)!;
        }
        catch (JsonException cause)
        {
            throw new UserException($"{path}: not a checkpoint of this program: {cause.Message}", cause);
        }
    }

    private static void CheckVersion(int? version, string path)
    {
        switch (version)
        {
            case CurrentVersion:
                return;
            case null:
                throw new UserException($"{path}: not a checkpoint of this program: it states no version");
            case > CurrentVersion:
                throw new OtherVersionException($"{path}: a checkpoint of version {version}, which a later program wrote; this one reads version {CurrentVersion}: update it");
            default:
                throw new OtherVersionException($"{path}: a checkpoint of version {version}, but this program reads version {CurrentVersion}: use the program that wrote it, or train again");
        }
    }

    /// <summary>What every version has.</summary>
    private sealed record Layout(int? Version);
}
