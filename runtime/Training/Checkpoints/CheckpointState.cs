using System.Text.Json;
using System.Text.Json.Serialization;
using MedSegDsl.Runtime.Training.Optimization;

namespace MedSegDsl.Runtime.Training.Checkpoints;

/// <summary>What a checkpoint holds beside tensors.</summary>
/// <param name="Version">Of this layout: 1.</param>
/// <param name="Identity">Which training it is.</param>
/// <param name="Experiment">The experiment as JSON, the network's definition included.</param>
/// <param name="Patch">The patch that the network was built for, voxels along z, y, x.</param>
/// <param name="Batch">Patches in a batch.</param>
/// <param name="InputChannels">The channels that the network takes.</param>
/// <param name="Outputs">The channels of its class maps.</param>
/// <param name="MirrorAxes">The axes that prediction may mirror, 0 = z.</param>
/// <param name="OptimizerSteps">Steps of the optimizer so far.</param>
/// <param name="Curves">The epochs so far. Their number and the identity's seed are the state of all random numbers.</param>
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
    private const int CurrentVersion = 1;

    private static readonly JsonSerializerOptions Options = new()
    {
        NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
    };

    /// <summary>The state of a training.</summary>
    internal static CheckpointState Of(TrainingSetup setup, Curves curves, long optimizerSteps, LossScale? lossScale) => new(
        CurrentVersion,
        setup.Identity,
        setup.ExperimentJson,
        setup.Patch,
        setup.Batch,
        setup.Network.InChannels,
        setup.Network.Classes,
        setup.Augmentation.MirrorAxes,
        optimizerSteps,
        curves,
        lossScale?.Value,
        lossScale?.StepsWithoutOverflow ?? 0);

    /// <summary>The state as JSON.</summary>
    public string ToJson() => JsonSerializer.Serialize(this, Options);

    /// <summary>Reads a state.</summary>
    /// <param name="json">What <see cref="ToJson"/> gave.</param>
    /// <param name="path">The file, for errors.</param>
    /// <exception cref="UserException">It is something else, or of a later version.</exception>
    public static CheckpointState FromJson(string json, string path)
    {
        try
        {
            var state = JsonSerializer.Deserialize<CheckpointState>(json, Options);
            return state is { Version: CurrentVersion }
                ? state
                : throw new UserException($"{path}: a checkpoint of version {state?.Version}, but this program reads version {CurrentVersion}");
        }
        catch (JsonException cause)
        {
            throw new UserException($"{path}: not a checkpoint of this program: {cause.Message}", cause);
        }
    }
}
