using MedSegDsl.Runtime.Dataset;
using MedSegDsl.Runtime.Planning;
using MedSegDsl.Runtime.Storage;

namespace MedSegDsl.Runtime.Training.Cascade;

/// <summary>
/// What the first stage of a cascade said about its validation cases, for the second:
/// <c>MODEL/predicted_next_stage/CONFIGURATION/CASE.npy</c> (.b2nd where the cases are compressed), nnU-Net's place and
/// names. All folds write into one folder, so that every case was predicted by a network that did not train with it.
/// </summary>
/// <param name="Path">The folder.</param>
/// <param name="Stage">The first stage: <c>3d_lowres</c>.</param>
/// <param name="Command">What makes the files.</param>
public sealed record PreviousStageFolder(string Path, string Stage, string Command)
{
    private const int NamedCases = 3;

    /// <summary>The folder that a model of the first stage writes.</summary>
    /// <param name="model">The folder of all its folds.</param>
    /// <param name="nextStage">The second stage: <c>3d_cascade_fullres</c>.</param>
    public static string Of(string model, string nextStage) => System.IO.Path.Combine(model, "predicted_next_stage", nextStage);

    /// <summary>The folder that a training of a cascade's second stage reads; null for other trainings.</summary>
    /// <param name="folders">nnU-Net's folders.</param>
    /// <param name="identity">The training.</param>
    /// <param name="configuration">Its configuration.</param>
    /// <param name="network">What <c>--network</c> calls its network.</param>
    public static PreviousStageFolder? For(
        NnUNetFolders folders, TrainingIdentity identity, PlansConfiguration configuration, string network)
    {
        if (configuration.PreviousStage is not { } stage)
            return null;
        return new PreviousStageFolder(
            Of(folders.ResultsOf(identity.Dataset, identity.Trainer, identity.Plans, stage), configuration.Name),
            stage,
            CommandOf(identity, stage, network));
    }

    /// <summary>The command of a training that the command line can name; an experiment of another title is a script's.</summary>
    private static string CommandOf(TrainingIdentity identity, string stage, string network)
    {
        var seed = identity.Seed == TrainingIdentity.DefaultSeed ? "" : $"_seed{identity.Seed}";
        if (identity.Trainer != TrainingIdentity.TrainerOf(network + seed))
            return $"run the same experiment in {stage}";
        var word = seed.Length == 0 ? "" : $" --seed {identity.Seed}";
        return $"medseg train {NnUNetFolders.DatasetId(identity.Dataset)} {stage} FOLD -n {network} -p {identity.Plans}{word}";
    }

    /// <summary>The file of a case.</summary>
    public string File(string caseId) => StoredLabels.Find(Path, caseId) ?? System.IO.Path.Combine(Path, caseId + ".npy");

    /// <summary>Refuses to go on unless every case is there.</summary>
    /// <exception cref="UserException">Some are not; the line says what makes them.</exception>
    public void Require(IReadOnlyCollection<string> cases)
    {
        string[] missing = [.. cases.Where(id => StoredLabels.Find(Path, id) is null)];
        if (missing.Length == 0)
            return;
        var names = string.Join(", ", missing.Take(NamedCases)) + (missing.Length > NamedCases ? ", ..." : "");
        throw new UserException(
            $"{Path}: {missing.Length} of {cases.Count} cases have no prediction of {Stage} ({names}); the validation of each of "
            + $"its folds writes them: {Command}, for every fold");
    }
}
