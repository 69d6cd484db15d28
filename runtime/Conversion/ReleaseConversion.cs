using System.Text.Json.Nodes;
using MedSegDsl.Runtime.Dataset;
using MedSegDsl.Runtime.Files;
using MedSegDsl.Runtime.Nifti;

namespace MedSegDsl.Runtime.Conversion;

/// <summary>Makes a raw dataset of nnU-Net from a release. Each case is made in a folder aside and moved to
/// its place when all its files are there; dataset.json comes last. A run that was stopped goes on where it
/// was.</summary>
/// <param name="release">What was found.</param>
/// <param name="folders">nnU-Net's folders.</param>
/// <param name="options">Number, strictness, threads.</param>
public sealed class ReleaseConversion(Release release, NnUNetFolders folders, ConversionOptions options)
{
    private const string Ending = ".nii.gz";
    private readonly int datasetId = options.DatasetId ?? release.DatasetId;

    /// <summary>The name of the new dataset: DatasetNNN_Name.</summary>
    public string DatasetName => $"Dataset{datasetId:000}_{release.Name}";

    private string Target => Path.Combine(folders.Raw, DatasetName);

    private string Aside => Path.Combine(Target, ".converting");

    /// <summary>Converts all cases and writes dataset.json and the official split.</summary>
    /// <param name="progress">Told after each case.</param>
    /// <param name="cancel">Stops between cases.</param>
    /// <exception cref="UserException">The release is not whole and that was not allowed, the number belongs
    /// to another dataset, or a file cannot be read or written.</exception>
    public ConversionResult Run(IProgress<CaseProgress>? progress = null, CancellationToken cancel = default)
    {
        Refuse();
        var splits = release.OfficialSplit is null
            ? null
            : Path.Combine(folders.PreprocessedDataset(DatasetName), Splits.FileName);
        try
        {
            new CaseLoop(options.Threads, long.MaxValue).Run(
                [.. release.Cases.Select(files => new CaseFiles(files.Id, [], null))],
                (i, _) =>
                {
                    Convert(release.Cases[i]);
                    return 0;
                },
                progress,
                cancel);
        }
        finally
        {
            if (Directory.Exists(Aside))
                Directory.Delete(Aside, recursive: true);
        }

        if (splits is not null)
            Splits.Write(splits, [release.OfficialSplit!]);
        var training = release.Cases.Count(files => files.Set == CaseSet.Training);
        PythonJson.Write(Path.Combine(Target, "dataset.json"), Json(training));
        return new(Target, training, release.Cases.Count - training, splits);
    }

    private void Refuse()
    {
        if (release.Problems.Count > 0 && !options.Partial)
            throw new UserException(
                $"{release.Folder}: is no whole release of {release.Title}: {string.Join("; ", release.Problems)}; --partial converts the cases that are whole");
        if (!release.Cases.Any(files => files.Set == CaseSet.Training))
            throw new UserException($"{release.Folder}: holds no whole training case of {release.Title}");
        if (datasetId is < 0 or > 999)
            throw new UserException($"{datasetId} is no dataset number: they go from 0 to 999");
        var others = Directory.Exists(folders.Raw)
            ? Directory.EnumerateDirectories(folders.Raw, $"Dataset{datasetId:000}_*").Select(Path.GetFileName)
                .Where(name => name != DatasetName).ToArray()
            : [];
        if (others.Length > 0)
            throw new UserException($"Dataset number {datasetId} belongs to {others[0]} in {folders.Raw}: choose another one with --dataset");
    }

    private void Convert(ReleaseCase one)
    {
        var suffix = one.Set == CaseSet.Training ? "Tr" : "Ts";
        string[] images = [.. Enumerable.Range(0, one.Channels).Select(channel => Path.Combine($"images{suffix}", $"{one.Id}_{channel:0000}{Ending}"))];
        string[] files = one.WriteLabels is null ? images : [.. images, Path.Combine($"labels{suffix}", one.Id + Ending)];
        if (!options.Overwrite && files.All(file => File.Exists(Path.Combine(Target, file))))
            return;
        var aside = Path.Combine(Aside, one.Id);
        try
        {
            if (Directory.Exists(aside))
                Directory.Delete(aside, recursive: true);
            one.WriteImages([.. images.Select(file => Path.Combine(aside, file))]);
            one.WriteLabels?.Invoke(Path.Combine(aside, files[^1]));
            CheckGrid(one.Id, [.. files.Select(file => Path.Combine(aside, file))]);
            foreach (var file in files)
            {
                Directory.CreateDirectory(Path.GetDirectoryName(Path.Combine(Target, file))!);
                File.Move(Path.Combine(aside, file), Path.Combine(Target, file), overwrite: true);
            }
        }
        catch (Exception cause) when (cause is IOException or UnauthorizedAccessException)
        {
            throw new UserException($"{Target}: case {one.Id} cannot be written: {cause.Message}", cause);
        }
    }

    private void CheckGrid(string id, string[] files)
    {
        int[]? shape = null;
        foreach (var file in files)
        {
            var found = ShapeOf(id, file);
            shape ??= found;
            if (!found.AsSpan().SequenceEqual(shape))
                throw new UserException(
                    $"{release.Folder}: case {id}: {Path.GetFileName(file)} has {string.Join(" × ", found)} voxels (x, y, z), but {Path.GetFileName(files[0])} has {string.Join(" × ", shape)}");
        }
    }

    // The header is read from the copy, but the user knows the release.
    private int[] ShapeOf(string id, string file)
    {
        try
        {
            return NiftiFile.ReadHeader(file).Header.Shape;
        }
        catch (UserException cause)
        {
            throw new UserException($"{release.Folder}: case {id}: {cause.Message.Replace(file, Path.GetFileName(file))}", cause);
        }
    }

    private JsonObject Json(int training)
    {
        var json = (JsonObject)release.DatasetJson.DeepClone();
        json["numTraining"] = training;
        json["file_ending"] = Ending;
        return json;
    }
}
