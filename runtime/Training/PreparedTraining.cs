using MedSegDsl.Runtime.Dataset;
using MedSegDsl.Runtime.Planning;
using MedSegDsl.Runtime.Training.Cascade;

namespace MedSegDsl.Runtime.Training;

/// <summary>What a training takes from its folders: plans, cases, and the network for them. Each process prepares its own.</summary>
internal sealed class PreparedTraining : IDisposable
{
    /// <summary>nnUNet_preprocessed/DatasetNNN_Name.</summary>
    public required string Source { get; init; }

    /// <summary>The label map of each validation case.</summary>
    public required IReadOnlyDictionary<string, string> References { get; init; }

    /// <summary>The plans.</summary>
    public required Plans Plans { get; init; }

    /// <summary>The configuration that is trained.</summary>
    public required PlansConfiguration Configuration { get; init; }

    /// <summary>The dataset's dataset.json.</summary>
    public required DatasetJson Dataset { get; init; }

    /// <summary>The fold's cases.</summary>
    public required TrainingData Data { get; init; }

    /// <summary>The training, with its network.</summary>
    public required TrainingSetup Setup { get; init; }

    /// <summary>Reads and builds what a request needs.</summary>
    /// <param name="request">What to train.</param>
    /// <exception cref="UserException">The experiment is wrong, or something that it needs is missing.</exception>
    public static PreparedTraining Of(TrainingRequest request)
    {
        var experiment = Valid(request.Experiment);
        if (request is { Continue: true, PretrainedWeights: not null })
            throw new UserException("a training cannot both go on and start from pretrained weights: leave out --continue or --pretrained-weights");
        var identity = TrainingIdentity.Of(experiment, request.Fold, request.Seed);
        var source = request.Folders.PreprocessedDataset(identity.Dataset);
        var plans = Plans.ReadFrom(source, experiment.Plans);
        var configuration = plans.Configuration(identity.Configuration);
        var dataset = DatasetJson.ReadFrom(source);
        var previousStage = PreviousStageFolder.For(request.Folders, identity, configuration, experiment.Network.Name);
        var data = new TrainingData(source, dataset, experiment.Plans, configuration, request.Fold, previousStage);
        try
        {
            var references = ReferenceLabels.Of(data.Validation, source, dataset, () => request.Folders.RawDataset(identity.Dataset));
            var setup = SetupBuilder.Build(
                experiment, identity, configuration, dataset, data, FoldFolder.Of(request.Folders, identity), request.Ranks);
            return new PreparedTraining
            {
                Source = source,
                References = references,
                Plans = plans,
                Configuration = configuration,
                Dataset = dataset,
                Data = data,
                Setup = setup,
            };
        }
        catch
        {
            data.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Setup.Network.Dispose();
        Data.Dispose();
    }

    private static Experiment Valid(Experiment experiment)
    {
        var result = ExperimentModule.validate(experiment);
        return result.IsOk
            ? result.ResultValue
            : throw new UserException($"experiment {experiment.Name}: {string.Join("; ", result.ErrorValue)}");
    }
}
