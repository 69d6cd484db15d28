using MedSegDsl.Models;
using MedSegDsl.Runtime.Dataset;
using MedSegDsl.Runtime.Planning;

namespace MedSegDsl.Runtime.Weights;

/// <summary>The plans and dataset.json that weights were trained with, and where they were found.</summary>
/// <param name="Plans">The plans.</param>
/// <param name="Dataset">dataset.json.</param>
/// <param name="Place">A folder or file.</param>
public sealed record ImportSource(Plans Plans, DatasetJson Dataset, string Place)
{
    private const string PlansFile = "plans.json";
    private const string DatasetFile = "dataset.json";

    /// <summary>Those of a dataset's preprocessed folder.</summary>
    /// <param name="folder">nnUNet_preprocessed/DatasetNNN_Name.</param>
    /// <param name="plansName">The plans without <c>.json</c>.</param>
    /// <exception cref="UserException">They are not there.</exception>
    public static ImportSource OfDataset(string folder, string plansName) =>
        new(Plans.ReadFrom(folder, plansName), DatasetJson.ReadFrom(folder), folder);

    /// <summary>
    /// Those beside the weights: in the file's folder or the one above it (nnU-Net's folder of a trained model), else
    /// inside an nnU-Net checkpoint.
    /// </summary>
    /// <exception cref="UserException">There are none, or they cannot be used.</exception>
    public static ImportSource Of(WeightsFile file)
    {
        var own = Path.GetDirectoryName(Path.GetFullPath(file.Path))!;
        foreach (var folder in new[] { own, Path.GetDirectoryName(own) })
        {
            if (folder is not null && File.Exists(Path.Combine(folder, PlansFile)) && File.Exists(Path.Combine(folder, DatasetFile)))
                return new ImportSource(Plans.Read(Path.Combine(folder, PlansFile)), DatasetJson.ReadFrom(folder), folder);
        }

        return file.Checkpoint is { } checkpoint
            ? new ImportSource(
                new Plans(checkpoint.Plans, $"{file.Path}: {PlansFile}"),
                new DatasetJson(checkpoint.Dataset, $"{file.Path}: {DatasetFile}"),
                file.Path)
            : throw new UserException(
                $"{file.Path}: with which plans was it trained? Name the dataset with -d, or put {PlansFile} and {DatasetFile} beside the file");
    }
}
