using MedSegDsl.Runtime.Dataset;

namespace MedSegDsl.Runtime.Selection;

/// <summary>The predictions that a cross-validation leaves: each case from the fold that did not train with it.</summary>
public static class ValidationFolds
{
    /// <summary>The folder name of a choice of folds: <c>crossval_results_folds_0_1_2_3_4</c>.</summary>
    public static string FolderName(IEnumerable<string> folds) => $"crossval_results_folds_{Joined(folds)}";

    /// <summary>Folds as nnU-Net writes them in names: <c>0_1_2_3_4</c>.</summary>
    public static string Joined(IEnumerable<string> folds) => string.Join('_', folds);

    /// <summary>The validation folder of a fold.</summary>
    public static string Folder(string model, string fold) => Path.Combine(model, "fold_" + fold, "validation");

    /// <summary>The file of each case.</summary>
    /// <param name="model">The folder of all folds.</param>
    /// <param name="folds">Which of them.</param>
    /// <param name="ending">Of the files, with its dot: the dataset's for label maps, <c>.npz</c> for probabilities.</param>
    /// <returns>By case, sorted.</returns>
    /// <exception cref="UserException">A fold has no validation, or two folds have the same case.</exception>
    public static SortedDictionary<string, string> Files(string model, IEnumerable<string> folds, string ending)
    {
        SortedDictionary<string, string> files = new(StringComparer.Ordinal);
        foreach (var fold in folds)
        {
            var folder = Folder(model, fold);
            if (!Directory.Exists(folder))
                throw new UserException($"{folder}: no such folder; train fold {fold}, or name the trained folds with --folds");
            foreach (var file in Directory.EnumerateFiles(folder).Where(file => file.EndsWith(ending, StringComparison.Ordinal)))
            {
                var id = Path.GetFileName(file)[..^ending.Length];
                if (!files.TryAdd(id, file))
                    throw new UserException($"{model}: two folds have predicted the case {id} ({files[id]} and {file}); which one counts is unclear");
            }
        }

        return files;
    }

    /// <summary>The reference labels of a dataset's training cases: of the raw dataset, else the copies beside the preprocessed data.</summary>
    /// <exception cref="UserException">Neither folder is there.</exception>
    public static string References(NnUNetFolders folders, string dataset)
    {
        var raw = Path.Combine(folders.Raw, dataset, "labelsTr");
        if (Directory.Exists(raw))
            return raw;
        var copies = Path.Combine(folders.PreprocessedDataset(dataset), Preprocessing.GroundTruth.FolderName);
        return Directory.Exists(copies) ? copies : throw new UserException($"{raw}: no such folder; the reference labels are expected there");
    }
}
