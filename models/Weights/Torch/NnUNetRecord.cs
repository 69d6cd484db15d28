namespace MedSegDsl.Models;

/// <summary>The entries of an nnU-Net v2 checkpoint (MIC-DKFZ/nnUNet, nnUNetTrainer.save_checkpoint).</summary>
internal static class NnUNetRecord
{
    /// <summary>The name of the state dict.</summary>
    public const string Weights = "network_weights";

    /// <summary>What a checkpoint says beside its weights; null where it is none of nnU-Net's.</summary>
    /// <exception cref="InvalidDataException">Its plans cannot be read.</exception>
    public static NnUNetCheckpoint? Read(PickleDictionary content)
    {
        if (content[Weights] is not PickleDictionary
            || content["trainer_name"] is not string trainer
            || content["init_args"] is not PickleDictionary arguments
            || arguments["plans"] is not PickleDictionary plans
            || arguments["dataset_json"] is not PickleDictionary dataset
            || arguments["configuration"] is not string configuration)
        {
            return null;
        }

        return new NnUNetCheckpoint
        {
            Trainer = trainer,
            Configuration = configuration,
            Fold = arguments["fold"] is { } fold ? $"{fold}" : "0",
            Epochs = content["current_epoch"] is long epochs ? (int)epochs : 0,
            MirrorAxes = content["inference_allowed_mirroring_axes"] is PickleTuple { Items: var axes }
                ? [.. axes.OfType<long>().Select(axis => (int)axis)]
                : null,
            Plans = PickleJson.Of(plans),
            Dataset = PickleJson.Of(dataset),
        };
    }

    /// <summary>Writes a checkpoint from which nnU-Net predicts and fine-tunes: its optimizer and log are empty.</summary>
    /// <param name="writer">The pickle.</param>
    /// <param name="checkpoint">What it says.</param>
    /// <param name="weights">Writes the state dict.</param>
    public static void Write(PickleWriter writer, NnUNetCheckpoint checkpoint, Action weights) => writer.Dictionary(
    [
        (Weights, weights),
        ("optimizer_state", writer.None),
        ("grad_scaler_state", writer.None),
        ("logging", () => writer.Dictionary([])),
        ("_best_ema", writer.None),
        ("current_epoch", () => writer.Whole(checkpoint.Epochs)),
        ("init_args", () => writer.Dictionary(
        [
            ("plans", () => writer.Json(checkpoint.Plans)),
            ("configuration", () => writer.Text(checkpoint.Configuration)),
            ("fold", () => Fold(writer, checkpoint.Fold)),
            ("dataset_json", () => writer.Json(checkpoint.Dataset)),
        ])),
        ("trainer_name", () => writer.Text(checkpoint.Trainer)),
        ("inference_allowed_mirroring_axes", () => MirrorAxes(writer, checkpoint.MirrorAxes)),
    ]);

    private static void Fold(PickleWriter writer, string fold)
    {
        if (int.TryParse(fold, out var index))
        {
            writer.Whole(index);
        }
        else
        {
            writer.Text(fold);
        }
    }

    private static void MirrorAxes(PickleWriter writer, IReadOnlyList<int>? axes)
    {
        if (axes is null)
        {
            writer.None();
        }
        else
        {
            writer.Tuple(axes.Select(axis => (long)axis));
        }
    }
}
