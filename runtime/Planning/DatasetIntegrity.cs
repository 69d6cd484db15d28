using System.Globalization;
using System.Numerics.Tensors;
using MedSegDsl.Runtime.Dataset;
using MedSegDsl.Runtime.Imaging;

namespace MedSegDsl.Runtime.Planning;

/// <summary>What the check of a dataset found.</summary>
/// <param name="Problems">What must be put right, one line each, in the order of the cases.</param>
/// <param name="Warnings">What is worth a look.</param>
public sealed record IntegrityReport(IReadOnlyList<string> Problems, IReadOnlyList<string> Warnings)
{
    /// <summary>Throws the first problem, with the number of the others.</summary>
    /// <exception cref="UserException">There is a problem.</exception>
    public void ThrowIfBroken()
    {
        if (Problems.Count > 0)
            throw new UserException(Problems.Count == 1 ? Problems[0] : $"{Problems[0]} (and {Problems.Count - 1} more problems)");
    }
}

/// <summary>Checks every file of a raw dataset before anything is made from it (verify_dataset_integrity of
/// MIC-DKFZ/nnUNet,
/// and infinite voxels and datasets without foreground).</summary>
public static class DatasetIntegrity
{
    /// <summary>Reads every training case once.</summary>
    /// <param name="dataset">dataset.json.</param>
    /// <param name="cases">The training cases.</param>
    /// <param name="reader">The dataset's reader.</param>
    /// <param name="loop">How many cases are read at the same time.</param>
    /// <param name="progress">Told after each case.</param>
    /// <param name="cancel">Stops between cases.</param>
    public static IntegrityReport Check(
        DatasetJson dataset,
        IReadOnlyList<CaseFiles> cases,
        IImageReader reader,
        CaseLoop loop,
        IProgress<CaseProgress>? progress = null,
        CancellationToken cancel = default)
    {
        List<string> problems = [];
        if (cases.Count != dataset.TrainingCases)
            problems.Add($"{dataset.Source}: \"numTraining\" is {dataset.TrainingCases}, but there are {cases.Count} training cases");
        var findings = new Findings[cases.Count];
        loop.Run(cases, (i, files) => (findings[i] = Examine(dataset, files, reader)).Bytes, progress, cancel);
        problems.AddRange(findings.SelectMany(finding => finding.Problems));
        if (problems.Count == 0 && cases.Count > 0 && !findings.Any(finding => finding.HasForeground))
            problems.Add($"{dataset.Source}: no label map has any foreground voxel");
        return new(problems, [.. findings.SelectMany(finding => finding.Warnings)]);
    }

    private sealed class Findings
    {
        public List<string> Problems { get; } = [];

        public List<string> Warnings { get; } = [];

        public bool HasForeground { get; set; }

        public long Bytes { get; set; }
    }

    private static Findings Examine(DatasetJson dataset, CaseFiles files, IImageReader reader)
    {
        Findings findings = new();
        var image = Try(findings, () => reader.ReadChannels(files.Images, findings.Warnings.Add));
        var label = files.Label is { } file && File.Exists(file)
            ? Try(findings, () => reader.ReadLabels(file))
            : null;
        if (files.Label is null || !File.Exists(files.Label))
            findings.Problems.Add($"Case {files.Id}: its label map {files.Label} is missing");
        findings.Bytes = sizeof(float) * (image?.Voxels.Data.LongLength ?? 0) + sizeof(short) * (label?.Voxels.Data.LongLength ?? 0);
        if (image is not null)
            CheckImage(dataset, files, image, findings);
        if (label is not null)
            CheckLabels(dataset.LabelManager, files.Label!, label.Voxels, findings);
        if (image is not null && label is not null)
            CheckGrid(files.Label!, image, label, findings);
        return findings;
    }

    private static void CheckImage(DatasetJson dataset, CaseFiles files, LoadedImage<float> image, Findings findings)
    {
        var (channels, names) = (image.Voxels.Channels, dataset.ChannelNames);
        if (channels != names.Count)
            findings.Problems.Add(
                $"Case {files.Id}: has {channels} channels ({string.Join(", ", files.Images.Select(Path.GetFileName))}), dataset.json names {names.Count}");
        for (var channel = 0; channel < channels; channel++)
        {
            // A sum is finite only where every term is; one that overflows is looked at again.
            var voxels = image.Voxels.Channel(channel);
            if (float.IsFinite(TensorPrimitives.SumOfMagnitudes<float>(voxels)))
                continue;
            var broken = 0;
            foreach (var voxel in voxels)
                broken += float.IsFinite(voxel) ? 0 : 1;
            if (broken > 0)
                findings.Problems.Add(
                    $"{files.Images[Math.Min(channel, files.Images.Count - 1)]}: {broken} voxels are NaN or infinite");
        }
    }

    private static void CheckLabels(LabelManager manager, string file, ImageArray<short> labels, Findings findings)
    {
        HashSet<int> allowed = [.. manager.AllLabels];
        if (manager.IgnoreLabel is { } ignore)
            allowed.Add(ignore);
        SortedSet<int> unknown = [];
        int previous = 0;
        foreach (var label in labels.Data)
        {
            if (label == previous)
                continue;
            previous = label;
            if (!allowed.Contains(label))
                unknown.Add(label);
        }

        findings.HasForeground = labels.Data.AsSpan().ContainsAnyExcept<short>(0);
        if (unknown.Count > 0)
            findings.Problems.Add(
                $"{file}: holds the labels {string.Join(", ", unknown)}, which dataset.json does not have ({string.Join(", ", allowed.Order())})");
    }

    private static void CheckGrid(string file, LoadedImage<float> image, LoadedImage<short> label, Findings findings)
    {
        if (!label.Voxels.Shape.AsSpan().SequenceEqual(image.Voxels.Shape))
            findings.Problems.Add(
                $"{file}: shape {Text(label.Voxels.Shape)} (z, y, x), but its image has {Text(image.Voxels.Shape)}");
        if (!label.Geometry.HasSpacingOf(image.Geometry))
            findings.Problems.Add(
                $"{file}: spacing {Text(label.Geometry.Spacing)} mm (z, y, x), but its image has {Text(image.Geometry.Spacing)}");
        if (!label.Geometry.HasAffineOf(image.Geometry))
            findings.Warnings.Add($"{file}: its affine differs from its image's; check that they overlap");
    }

    private static T? Try<T>(Findings findings, Func<T> read) where T : class
    {
        try
        {
            return read();
        }
        catch (UserException cause)
        {
            findings.Problems.Add(cause.Message);
            return null;
        }
    }

    private static string Text<T>(IEnumerable<T> values) where T : IFormattable =>
        string.Join(" × ", values.Select(value => value.ToString(null, CultureInfo.InvariantCulture)));
}
