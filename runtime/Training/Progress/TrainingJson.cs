using System.Text.Json;
using System.Text.Json.Nodes;
using MedSegDsl.Runtime.Files;

namespace MedSegDsl.Runtime.Training.Progress;

/// <summary>
/// <c>training.json</c>: every epoch so far for programs, the ones before an interruption included. Written whole after
/// each epoch; what is not a number, or was not measured, is null.
/// </summary>
/// <param name="path">The file.</param>
public sealed class TrainingJson(string path) : ITrainingProgress
{
    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true };

    private TrainingOverview? overview;

    /// <inheritdoc/>
    public void Started(TrainingOverview overview) => this.overview = overview;

    /// <inheritdoc/>
    public void Stepped(TrainingStep step) { }

    /// <inheritdoc/>
    public void EpochEnded(Curves curves, TimeSpan remaining)
    {
        var json = new JsonObject
        {
            ["training"] = overview!.Title,
            ["network"] = overview.Network,
            ["parameters"] = overview.Parameters,
            ["device"] = overview.Device,
            ["patch_size"] = new JsonArray([.. overview.Patch]),
            ["batch_size"] = overview.Batch,
            ["epochs_in_all"] = overview.Epochs,
            ["epochs"] = new JsonArray([.. curves.Epochs.Select(Epoch)]),
        };
        AtomicFile.WriteText(path, json.ToJsonString(Indented) + "\n");
    }

    /// <inheritdoc/>
    public void Noted(string line) { }

    /// <inheritdoc/>
    public void Ended() { }

    private JsonObject Epoch(EpochResult epoch) => new()
    {
        ["epoch"] = epoch.Epoch + 1,
        ["learning_rate"] = epoch.LearningRate,
        ["training_loss"] = Number(epoch.TrainingLoss),
        ["validation_loss"] = Number(epoch.ValidationLoss),
        ["pseudo_dice"] = new JsonObject(
            overview!.Classes.Zip(epoch.PseudoDice, (name, dice) => KeyValuePair.Create(name, Number(dice)))),
        ["mean_pseudo_dice"] = Number(epoch.MeanPseudoDice),
        ["moving_average_pseudo_dice"] = Number(epoch.AveragePseudoDice),
        ["seconds"] = epoch.Seconds,
        ["data_waiting_seconds"] = epoch.Load?.WaitingSeconds,
        ["host_bytes"] = epoch.Load?.HostBytes,
        ["device_bytes"] = epoch.Load?.DeviceBytes,
    };

    private static JsonNode? Number(double value) => double.IsFinite(value) ? value : null;
}
