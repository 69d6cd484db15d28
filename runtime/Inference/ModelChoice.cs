namespace MedSegDsl.Runtime.Inference;

/// <summary>Which trainings of a model's folder predict.</summary>
/// <param name="Folder">The folder of all folds: <c>TRAINER__PLANS__CONFIGURATION</c>, with plans.json and dataset.json.</param>
public sealed record ModelChoice(string Folder)
{
    /// <summary>The folds, <c>0</c> to <c>4</c> or <c>all</c>; empty for every numbered fold that has the checkpoint.</summary>
    public IReadOnlyList<string> Folds { get; init; } = [];

    /// <summary><c>checkpoint_final</c>, <c>checkpoint_best</c> or <c>checkpoint_latest</c>, with or without its ending.</summary>
    public string Checkpoint { get; init; } = "checkpoint_final";
}
