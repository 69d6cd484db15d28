using System.Numerics.Tensors;
using MedSegDsl.Runtime.Dataset;
using MedSegDsl.Runtime.Files;
using MedSegDsl.Runtime.Imaging;
using MedSegDsl.Runtime.Storage;

namespace MedSegDsl.Runtime.Inference;

/// <summary>
/// Averages the saved probabilities of several models (nnU-Net v2, ensembling/ensemble.py), one class after the other, so
/// that no case is held whole.
/// </summary>
public static class Ensemble
{
    /// <summary>Averages one case.</summary>
    /// <param name="files">The case's .npz file of each model.</param>
    /// <param name="regionsClassOrder">The label that each region writes; null where the classes are labels.</param>
    /// <param name="keepProbabilities">Whether the averages are wanted too.</param>
    /// <returns>The label map, and the averages if they are wanted, on the grid of the image file.</returns>
    /// <exception cref="UserException">A file cannot be read, or its shape is another than the first one's.</exception>
    public static (ImageArray<short> Labels, Logits? Probabilities) Average(
        IReadOnlyList<string> files, IReadOnlyList<int>? regionsClassOrder, bool keepProbabilities)
    {
        List<ProbabilityFile> members = [];
        try
        {
            foreach (var file in files)
            {
                members.Add(ProbabilityFile.Open(file));
                if (members[^1].Classes != members[0].Classes || !members[^1].Shape.AsSpan().SequenceEqual(members[0].Shape))
                    throw new UserException($"{file}: its shape is not that of {files[0]}");
            }

            var shape = members[0].Shape;
            var running = new RunningSegmentation(shape, regionsClassOrder);
            var average = keepProbabilities ? new Logits(members[0].Classes, shape) : null;
            var (sum, next) = (new float[running.Labels.VoxelCount], new float[running.Labels.VoxelCount]);
            for (var channel = 0; channel < members[0].Classes; channel++)
            {
                members[0].ReadNext(sum);
                foreach (var member in members.Skip(1))
                {
                    member.ReadNext(next);
                    TensorPrimitives.Add(sum, next, sum);
                }

                TensorPrimitives.Divide(sum, members.Count, sum);
                running.Add(sum, areProbabilities: true);
                if (average is not null)
                    sum.CopyTo(average.Channels[channel], 0);
            }

            return (running.Labels, average);
        }
        finally
        {
            members.ForEach(member => member.Dispose());
        }
    }

    /// <summary>
    /// Averages folders of predictions made with saved probabilities. The label maps lie on the grid of the first
    /// folder's, and the output gets its dataset.json and plans.json.
    /// </summary>
    /// <param name="folders">At least two folders with CASE.npz and CASE.nii.gz for the same cases.</param>
    /// <param name="output">The folder for the label maps.</param>
    /// <param name="saveProbabilities">Whether the averages are written as well.</param>
    /// <returns>One line for each case that failed.</returns>
    /// <exception cref="UserException">A folder or dataset.json is missing, or the folders hold different cases.</exception>
    public static IReadOnlyList<string> Folders(IReadOnlyList<string> folders, string output, bool saveProbabilities) =>
        folders.Count < 2
            ? throw new UserException("an ensemble needs at least two folders of predictions")
            : Write([.. folders.Select(EnsembleMember.OfFolder)], output, saveProbabilities);

    /// <summary>Averages the members' cases; as <see cref="Folders"/> does.</summary>
    /// <param name="members">At least one, all with the same cases.</param>
    /// <param name="output">The folder for the label maps.</param>
    /// <param name="saveProbabilities">Whether the averages are written as well.</param>
    /// <returns>One line for each case that failed.</returns>
    /// <exception cref="UserException">The members hold different cases, or none.</exception>
    public static IReadOnlyList<string> Write(IReadOnlyList<EnsembleMember> members, string output, bool saveProbabilities)
    {
        var first = members[0];
        var dataset = DatasetJson.ReadFrom(first.Folder);
        var reader = ImageReaders.For(dataset, null);
        foreach (var member in members.Skip(1))
        {
            var (mine, others) = (first.Probabilities.Keys.ToArray(), member.Probabilities.Keys.ToArray());
            if (mine.Except(others).Concat(others.Except(mine)).FirstOrDefault() is { } odd)
                throw new UserException($"{member.Folder}: does not hold the cases of {first.Folder}: {odd} is in one of them only");
        }

        if (first.Probabilities.Count == 0)
            throw new UserException($"{first.Folder}: no .npz files; predict with saved probabilities");
        List<string> failures = [];
        foreach (var one in first.Probabilities.Keys)
        {
            try
            {
                if (!first.LabelMaps.TryGetValue(one, out var grid))
                    throw new UserException($"{first.Probabilities[one]}: the label map {one}{dataset.FileEnding} is missing beside it");
                var (labels, average) = Average(
                    [.. members.Select(member => member.Probabilities[one])],
                    dataset.LabelManager.RegionsClassOrder,
                    saveProbabilities);
                reader.WriteLabels(Path.Combine(output, one + dataset.FileEnding), labels, reader.ReadLabels(grid).Geometry);
                if (average is null)
                    continue;
                ProbabilityFile.Write(Path.Combine(output, one + ".npz"), average);
                var properties = Path.ChangeExtension(first.Probabilities[one], CasePickle.Ending);
                if (File.Exists(properties))
                    FileCopy.Into(properties, output);
            }
            catch (UserException cause)
            {
                failures.Add(cause.Message);
            }
        }

        FileCopy.Descriptions(first.Folder, output);
        return failures;
    }
}
