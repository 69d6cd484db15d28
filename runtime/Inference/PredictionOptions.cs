namespace MedSegDsl.Runtime.Inference;

/// <summary>How a folder of images is predicted; nnU-Net's defaults.</summary>
public sealed record PredictionOptions
{
    /// <summary>The largest step between tiles as a share of the patch.</summary>
    public double StepFraction { get; init; } = 0.5;

    /// <summary>Whether tiles are predicted mirrored too, along the axes that training mirrored.</summary>
    public bool UseMirroring { get; init; } = true;

    /// <summary>Whether CASE.npz with the probabilities is written as well.</summary>
    public bool SaveProbabilities { get; init; }

    /// <summary>Whether cases whose files exist are predicted again.</summary>
    public bool Overwrite { get; init; } = true;

    /// <summary>For the second stage of a cascade, the folder of the first one's label maps CASE.nii.gz of the same
    /// images.</summary>
    public string? PreviousStage { get; init; }

    /// <summary>Only every <see cref="Parts"/>-th case, from <see cref="Part"/> on: for several machines.</summary>
    public int Part { get; init; }

    /// <summary>In how many parts the cases are divided.</summary>
    public int Parts { get; init; } = 1;

    /// <summary>Told, on the thread that reads ahead, when a case is in memory and before it waits for the device.</summary>
    internal Action<string>? InMemory { get; init; }
}

/// <summary>How far a prediction has come.</summary>
/// <param name="Case">The case at hand.</param>
/// <param name="Index">Its number, from 0.</param>
/// <param name="Cases">Number of cases.</param>
/// <param name="Tile">Tiles of the case that are done.</param>
/// <param name="Tiles">Tiles of the case.</param>
public readonly record struct PredictionProgress(string Case, int Index, int Cases, int Tile, int Tiles)
{
    /// <summary>The share of all work that is done, if all cases are alike.</summary>
    public double Share => (Index + (double)Tile / Tiles) / Cases;
}

/// <summary>What came of a prediction.</summary>
/// <param name="Written">Label maps that were written.</param>
/// <param name="Skipped">Label maps that existed.</param>
/// <param name="Failures">One line for each case that failed, with its name.</param>
public sealed record PredictionResult(
    IReadOnlyList<string> Written, IReadOnlyList<string> Skipped, IReadOnlyList<string> Failures)
{
    /// <summary>What a user should know about the way it was done: memory that ran out.</summary>
    public IReadOnlyList<string> Notes { get; init; } = [];
}
