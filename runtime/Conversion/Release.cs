using System.Text.Json.Nodes;
using MedSegDsl.Runtime.Dataset;

namespace MedSegDsl.Runtime.Conversion;

/// <summary>What was found in the folder of a published dataset.</summary>
public sealed record Release
{
    /// <summary>The folder.</summary>
    public required string Folder { get; init; }

    /// <summary>What it is, for messages: AMOS 2022, CT.</summary>
    public required string Title { get; init; }

    /// <summary>nnU-Net's number of the dataset.</summary>
    public required int DatasetId { get; init; }

    /// <summary>nnU-Net's name of the dataset, without the number.</summary>
    public required string Name { get; init; }

    /// <summary>dataset.json without numTraining, which is counted.</summary>
    public required JsonObject DatasetJson { get; init; }

    /// <summary>The cases whose files are all there.</summary>
    public required IReadOnlyList<ReleaseCase> Cases { get; init; }

    /// <summary>All that is missing or not as published, a line each; empty for a whole release.</summary>
    public required IReadOnlyList<string> Problems { get; init; }

    /// <summary>What is worth a look.</summary>
    public IReadOnlyList<string> Warnings { get; init; } = [];

    /// <summary>The release's own division of the training cases; null where it has none.</summary>
    public Split? OfficialSplit { get; init; }
}
