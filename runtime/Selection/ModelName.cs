using MedSegDsl.Runtime.Training;

namespace MedSegDsl.Runtime.Selection;

/// <summary>A trained model by the three parts of its folder's name: <c>TRAINER__PLANS__CONFIGURATION</c>.</summary>
/// <param name="Trainer"><c>MedSegTrainer_UlikeMamba_3d</c>, or nnU-Net's <c>nnUNetTrainer</c>.</param>
/// <param name="Plans"><c>nnUNetPlans</c>.</param>
/// <param name="Configuration"><c>3d_fullres</c>.</param>
public sealed record ModelName(string Trainer, string Plans, string Configuration)
{
    private const string Separator = "__";

    /// <summary>The name of its folder.</summary>
    public string Identifier => string.Join(Separator, Trainer, Plans, Configuration);

    /// <summary>What <c>--network</c> calls it; null where another program trained it.</summary>
    public string? Network => Trainer.StartsWith(TrainingIdentity.TrainerOf(""), StringComparison.Ordinal)
        ? Trainer[TrainingIdentity.TrainerOf("").Length..]
        : null;

    /// <summary>The parts of a folder's name.</summary>
    /// <param name="folder">The folder, or its name.</param>
    /// <exception cref="UserException">The name has another form.</exception>
    public static ModelName Of(string folder)
    {
        var name = Path.GetFileName(Path.TrimEndingDirectorySeparator(folder));
        return name.Split(Separator) is [var trainer, var plans, var configuration]
            ? new ModelName(trainer, plans, configuration)
            : throw new UserException($"{folder}: not the folder of a trained model, whose name reads TRAINER__PLANS__CONFIGURATION");
    }
}
