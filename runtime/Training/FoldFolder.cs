using MedSegDsl.Runtime.Dataset;

namespace MedSegDsl.Runtime.Training;

/// <summary>The results folder of one fold: <c>RESULTS/DATASET/TRAINER__PLANS__CONFIGURATION/fold_K</c>, nnU-Net's layout.</summary>
/// <param name="path">The folder.</param>
public sealed class FoldFolder(string path)
{
    /// <summary>The folder of a training.</summary>
    /// <param name="folders">nnU-Net's folders.</param>
    /// <param name="identity">Which training.</param>
    public static FoldFolder Of(NnUNetFolders folders, TrainingIdentity identity) => new(System.IO.Path.Combine(
        folders.ResultsOf(identity.Dataset, identity.Trainer, identity.Plans, identity.Configuration), $"fold_{identity.Fold}"));

    /// <summary>The folder.</summary>
    public string Path { get; } = System.IO.Path.GetFullPath(path);

    /// <summary>The folder of all folds, with plans.json and dataset.json.</summary>
    public string Parent => System.IO.Path.GetDirectoryName(Path)!;

    /// <summary>The checkpoint of the last epoch; with it the training is over.</summary>
    public string Final => In("checkpoint_final.safetensors");

    /// <summary>The checkpoint of a training that goes on.</summary>
    public string Latest => In("checkpoint_latest.safetensors");

    /// <summary>The checkpoint of the best moving average of the pseudo Dice.</summary>
    public string Best => In("checkpoint_best.safetensors");

    /// <summary>The log.</summary>
    public string Log => In("training_log.txt");

    /// <summary>The curves as a picture.</summary>
    public string Progress => In("progress.png");

    /// <summary>Where the predictions of the validation cases go.</summary>
    public string Validation => In("validation");

    /// <summary>The checkpoint to go on from, in nnU-Net's order of preference: final, latest, best; null if there is none.</summary>
    public string? Resumable => new[] { Final, Latest, Best }.FirstOrDefault(File.Exists);

    /// <summary>Removes the checkpoints of an earlier training, which a new one must not be taken for.</summary>
    public void RemoveCheckpoints()
    {
        foreach (var file in new[] { Final, Latest, Best })
            File.Delete(file);
    }

    /// <summary>Makes the final checkpoint the latest one: the training goes on to more epochs than it had.</summary>
    public void Reopen()
    {
        if (File.Exists(Final))
            File.Move(Final, Latest, overwrite: true);
    }

    private string In(string file) => System.IO.Path.Combine(Path, file);
}
