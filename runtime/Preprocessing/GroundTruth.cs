using MedSegDsl.Runtime.Dataset;
using MedSegDsl.Runtime.Files;
using MedSegDsl.Runtime.Imaging;

namespace MedSegDsl.Runtime.Preprocessing;

/// <summary>Copies of the training labels beside the preprocessed data, where nnU-Net's evaluation looks for
/// them.</summary>
public static class GroundTruth
{
    /// <summary>The folder in nnUNet_preprocessed/DatasetNNN_Name.</summary>
    public const string FolderName = "gt_segmentations";

    /// <summary>Copies the labels of the cases; copies that are up to date stay.</summary>
    /// <param name="cases">Training cases.</param>
    /// <param name="fileEnding">The dataset's file ending.</param>
    /// <param name="preprocessedDatasetFolder">nnUNet_preprocessed/DatasetNNN_Name.</param>
    /// <exception cref="UserException">A file cannot be read or written.</exception>
    public static void Copy(IEnumerable<CaseFiles> cases, string fileEnding, string preprocessedDatasetFolder)
    {
        foreach (var files in cases)
        {
            if (files.Label is null)
                continue;
            var source = new FileInfo(files.Label);
            var target = new FileInfo(Path.Combine(preprocessedDatasetFolder, FolderName, files.Id + fileEnding));
            if (!source.Exists)
                throw new UserException($"{source.FullName}: no such file; case {files.Id} has no labels");
            if (target.Exists && target.Length == source.Length && target.LastWriteTimeUtc >= source.LastWriteTimeUtc)
                continue;
            foreach (var companion in CompanionFiles.Of(source.FullName))
                Copy(companion, Path.Combine(target.DirectoryName!, Path.GetFileName(companion)));
            Copy(source.FullName, target.FullName);
        }
    }

    private static void Copy(string source, string target) => AtomicFile.Write(target, stream =>
    {
        using var labels = File.OpenRead(source);
        labels.CopyTo(stream);
    });
}
