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

    /// <summary>The latest checkpoint but one, for the case that the latest is damaged.</summary>
    public string Previous => In("checkpoint_previous.safetensors");

    /// <summary>The checkpoint of the best moving average of the pseudo Dice.</summary>
    public string Best => In("checkpoint_best.safetensors");

    /// <summary>The log.</summary>
    public string Log => In("training_log.txt");

    /// <summary>The curves as a picture.</summary>
    public string Progress => In("progress.png");

    /// <summary>The epochs for programs.</summary>
    public string Json => In("training.json");

    /// <summary>Where the predictions of the validation cases go.</summary>
    public string Validation => In("validation");

    /// <summary>The checkpoints that are there, in nnU-Net's order of preference for going on: final, latest, the one before
    /// it, best.</summary>
    public IEnumerable<string> Resumables => new[] { Final, Latest, Previous, Best }.Where(File.Exists);

    private string Next => In("checkpoint_next.safetensors");

    /// <summary>Writes the latest checkpoint, and keeps the one that it replaces. At any moment there is a whole one.</summary>
    /// <param name="write">Writes a checkpoint to the file that it is given.</param>
    public void WriteLatest(Action<string> write)
    {
        write(Next);
        if (File.Exists(Latest))
            File.Move(Latest, Previous, overwrite: true);
        File.Move(Next, Latest);
    }

    /// <summary>Removes what serves to go on: the training is over.</summary>
    public void RemoveLatest()
    {
        foreach (var file in new[] { Latest, Previous, Next })
            File.Delete(file);
    }

    /// <summary>Removes the checkpoints of an earlier training, which a new one must not be taken for.</summary>
    public void RemoveCheckpoints()
    {
        RemoveLatest();
        File.Delete(Final);
        File.Delete(Best);
    }

    /// <summary>Removes the unfinished files of a process that was killed.</summary>
    public void RemoveUnfinished()
    {
        File.Delete(Next);
        foreach (var file in Directory.EnumerateFiles(Path, "checkpoint_*.tmp"))
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
