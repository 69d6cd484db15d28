using System.Text.Json.Nodes;

namespace MedSegDsl.Models;

/// <summary>
/// What an nnU-Net v2 checkpoint says beside its weights (nnUNetTrainer, save_checkpoint). The optimizer's state and the
/// log stay behind.
/// </summary>
public sealed record NnUNetCheckpoint
{
    /// <summary>The trainer's class: <c>nnUNetTrainer</c>.</summary>
    public required string Trainer { get; init; }

    /// <summary>The configuration: <c>3d_fullres</c>.</summary>
    public required string Configuration { get; init; }

    /// <summary>The fold: <c>0</c>, or <c>all</c>.</summary>
    public required string Fold { get; init; }

    /// <summary>The epochs that were done.</summary>
    public required int Epochs { get; init; }

    /// <summary>The axes that prediction may mirror, 0 = z; null where the trainer did not mirror.</summary>
    public required IReadOnlyList<int>? MirrorAxes { get; init; }

    /// <summary>The plans that it was trained with.</summary>
    public required JsonObject Plans { get; init; }

    /// <summary>The dataset's dataset.json.</summary>
    public required JsonObject Dataset { get; init; }

    /// <summary>The configuration's patch in voxels; null where it is no volume.</summary>
    public Size3? Patch =>
        Plans["configurations"] is JsonObject configurations
        && configurations[Configuration] is JsonObject own
        && own["patch_size"] is JsonArray { Count: 3 } patch
        && patch.Select(Whole).ToArray() is [> 0 and var d, > 0 and var h, > 0 and var w]
            ? new Size3(d, h, w)
            : null;

    private static int Whole(JsonNode? node) => node is JsonValue value && value.TryGetValue<int>(out var whole) ? whole : 0;
}
