using MedSegDsl.Runtime.Dataset;
using MedSegDsl.Runtime.Distributed;
using MedSegDsl.Runtime.Evaluation;
using Microsoft.Extensions.Logging;

namespace MedSegDsl.Runtime.Training;

/// <summary>One training to run.</summary>
/// <param name="Experiment">The experiment.</param>
/// <param name="Folders">nnU-Net's folders.</param>
/// <param name="Fold">Which of the experiment's folds, or another one.</param>
/// <param name="Seed">Which of the experiment's seeds, or another one.</param>
public sealed record TrainingRequest(Experiment Experiment, NnUNetFolders Folders, Fold Fold, int Seed)
{
    /// <summary>Go on from the last checkpoint; where there is none, the training starts from the beginning.</summary>
    public bool Continue { get; init; }

    /// <summary>A file of weights to start from, but for the segmentation heads; null for the network's own start.</summary>
    public string? PretrainedWeights { get; init; }

    /// <summary>The processes that train together, all with the same request.</summary>
    public ICommunicator Ranks { get; init; } = SingleProcess.Instance;

    /// <summary>Whether the final validation keeps the probabilities of its cases, for ensembles.</summary>
    public bool SaveProbabilities { get; init; }

    /// <summary>Takes the lines of the log as well, beside the file in the fold's folder; null for the file alone.</summary>
    public ILoggerFactory? Logging { get; init; }

    /// <summary>Asks the training to save where it is and to stop: a scheduler takes the machine away.</summary>
    public CancellationToken Preemption { get; init; }
}

/// <summary>What came of a training.</summary>
/// <param name="Folder">Where everything lies.</param>
/// <param name="Curves">All epochs.</param>
/// <param name="Validation">The evaluation of the fold's validation cases.</param>
public sealed record TrainingOutcome(FoldFolder Folder, Curves Curves, EvaluationSummary Validation);
