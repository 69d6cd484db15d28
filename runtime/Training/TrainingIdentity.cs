namespace MedSegDsl.Runtime.Training;

/// <summary>What identifies a training: the parts of its folder's name, and its seed.</summary>
/// <param name="Dataset"><c>Dataset901_RealBrain</c>.</param>
/// <param name="Trainer"><c>MedSegTrainer_UlikeMamba_3d</c>.</param>
/// <param name="Plans"><c>nnUNetPlans</c>.</param>
/// <param name="Configuration"><c>3d_fullres</c>.</param>
/// <param name="Fold"><c>0</c>, or <c>all</c>.</param>
/// <param name="Seed">The experiment's seed.</param>
public sealed record TrainingIdentity(
    string Dataset, string Trainer, string Plans, string Configuration, string Fold, int Seed)
{
    /// <summary>The seed that leaves no trace in the trainer's name.</summary>
    public const int DefaultSeed = 1;

    /// <summary>The identity of an experiment for one fold and seed. The trainer's name is the experiment's without the
    /// dataset in front, which is the network's name unless the experiment has a title of its own; another seed than 1 is
    /// added, so that the folders of several seeds lie side by side.</summary>
    public static TrainingIdentity Of(Experiment experiment, Fold fold, int seed)
    {
        var prefix = experiment.Dataset.Folder + "-";
        var name = experiment.Name.StartsWith(prefix, StringComparison.Ordinal) ? experiment.Name[prefix.Length..] : experiment.Name;
        return new TrainingIdentity(
            experiment.Dataset.Folder,
            TrainerOf(seed == DefaultSeed ? name : $"{name}_seed{seed}"),
            experiment.Plans,
            ConfigurationName(experiment.Configuration),
            fold is Fold.Index index ? $"{index.Item}" : "all",
            seed);
    }

    /// <summary>The trainer's name in the folder of results, for a network's or an experiment's name.</summary>
    public static string TrainerOf(string name) => $"MedSegTrainer_{name}";

    /// <summary>The configuration's name in the plans.</summary>
    public static string ConfigurationName(Configuration configuration) => configuration.Tag switch
    {
        MedSegDsl.Configuration.Tags.TwoD => "2d",
        MedSegDsl.Configuration.Tags.ThreeDFullRes => "3d_fullres",
        MedSegDsl.Configuration.Tags.ThreeDLowRes => "3d_lowres",
        _ => "3d_cascade_fullres",
    };
}
