using MedSegDsl.Runtime.Dataset;
using MedSegDsl.Runtime.Imaging;
using MedSegDsl.Runtime.Preprocessing;

namespace MedSegDsl.Runtime.Planning;

/// <summary>Makes the fingerprint of a dataset: shapes after cropping, spacings, foreground intensities
/// (nnunetv2/experiment_planning/dataset_fingerprint of MIC-DKFZ/nnUNet).</summary>
public static class FingerprintExtractor
{
    /// <summary>nnU-Net's number of draws from the whole dataset, spread evenly over its cases.</summary>
    public const int DefaultDraws = 100_000_000;

    private const uint Seed = 1234;

    /// <summary>Reads every training case once.</summary>
    /// <param name="cases">The training cases.</param>
    /// <param name="dataset">What the files should hold.</param>
    /// <param name="reader">The dataset's reader.</param>
    /// <param name="loop">How many cases are read at the same time.</param>
    /// <param name="draws">Foreground values drawn for each channel; only <see cref="DefaultDraws"/> gives
    /// nnU-Net's numbers.</param>
    /// <param name="progress">Told after each case.</param>
    /// <param name="cancel">Stops between cases.</param>
    /// <exception cref="UserException">A file is missing, corrupt, or cannot be trained on; or nothing is labelled in any
    /// case.</exception>
    public static DatasetFingerprint Extract(
        IReadOnlyList<CaseFiles> cases,
        DatasetJson dataset,
        IImageReader reader,
        CaseLoop loop,
        int draws = DefaultDraws,
        IProgress<CaseProgress>? progress = null,
        CancellationToken cancel = default)
    {
        if (cases.Count == 0)
            throw new UserException(
                $"{dataset.Source}: there are no training cases: imagesTr holds no image ending in {dataset.FileEnding}");
        var facts = new CaseFacts[cases.Count];
        loop.Run(cases, (i, files) => (facts[i] = Examine(files, dataset, reader, draws / cases.Count)).Bytes, progress, cancel);
        if (!facts.Any(fact => fact.HasForeground))
            throw new UserException($"{dataset.Source}: no label map has any foreground voxel");
        var channels = dataset.ChannelNames.Count;
        var intensities = new IntensityProperties[channels];
        for (var channel = 0; channel < channels; channel++)
        {
            var sample = new WeightedSample();
            foreach (var fact in facts)
                sample.Add(fact.Samples[channel]);
            intensities[channel] = sample.Summarize();
        }

        return new(
            [.. facts.Select(fact => Array.ConvertAll(fact.Shape, edge => (double)edge))],
            [.. facts.Select(fact => fact.Spacing)],
            OrderStatistics.Median(facts.Select(fact => fact.RelativeSize)),
            intensities);
    }

    private sealed record CaseFacts(int[] Shape, double[] Spacing, double RelativeSize, WeightedSample[] Samples, bool HasForeground, long Bytes);

    private static CaseFacts Examine(CaseFiles files, DatasetJson dataset, IImageReader reader, int draws)
    {
        if (files.Label is null || !File.Exists(files.Label))
            throw new UserException($"Case {files.Id}: its label map {files.Label} is missing");
        var loaded = CaseLoader.Load(reader, files, dataset);
        var (image, labels) = (loaded.Image, loaded.Segmentation!);
        var cropped = Cropping.CropToNonzero(image, labels);
        var foreground = Foreground(cropped.Segmentation.Data);

        // Two copies of image and labels; of the foreground the places, values and counts, these up to twice
        // as many.
        var bytes = 2L * image.VoxelCount * (sizeof(float) * image.Channels + sizeof(short)) + 16L * foreground.Length;
        return new(
            cropped.Image.Shape,
            loaded.Spacing,
            (double)cropped.Image.VoxelCount / image.VoxelCount,
            Sample(cropped.Image, foreground, draws),
            foreground.Length > 0,
            bytes);
    }

    // One generator for all channels, in turn. The ignore label counts as foreground.
    private static WeightedSample[] Sample(ImageArray<float> image, int[] foreground, int draws)
    {
        var random = new LegacyRandom(Seed);
        var samples = new WeightedSample[image.Channels];
        var values = new float[foreground.Length];
        for (var channel = 0; channel < samples.Length; channel++)
        {
            samples[channel] = new WeightedSample();
            if (foreground.Length == 0)
                continue;
            var voxels = image.Channel(channel);
            for (var i = 0; i < foreground.Length; i++)
                values[i] = voxels[foreground[i]];
            samples[channel].Add(values, random.CountChosen(foreground.Length, draws));
        }

        return samples;
    }

    private static int[] Foreground(short[] labels)
    {
        var count = 0;
        foreach (var label in labels)
            count += label > 0 ? 1 : 0;
        var indices = new int[count];
        var next = 0;
        for (var i = 0; i < labels.Length && next < count; i++)
            if (labels[i] > 0)
                indices[next++] = i;
        return indices;
    }
}
