using MedSegDsl.Runtime.Dataset;
using MedSegDsl.Runtime.Evaluation;
using MedSegDsl.Runtime.Imaging;

namespace MedSegDsl.Runtime.Pictures;

/// <summary>The overlay picture of a case from its files.</summary>
public static class CasePicture
{
    /// <summary>Reads image, prediction and reference, computes the Dice of each class, and writes the picture.</summary>
    /// <param name="path">The PNG file.</param>
    /// <param name="title">The line above.</param>
    /// <param name="subtitle">A smaller line below it, or null.</param>
    /// <param name="image">The image file of the channel that is shown.</param>
    /// <param name="prediction">The predicted label map.</param>
    /// <param name="reference">The reference label map, or null.</param>
    /// <param name="dataset">Names the classes. A channel called CT is shown in the abdominal window.</param>
    /// <param name="channel">Which of the dataset's channels the image is.</param>
    /// <param name="slices">The slices that are shown; if null, of each plane the one that shows most.</param>
    /// <exception cref="UserException">
    /// A file cannot be read, the grids differ, a label is unknown, or a chosen slice is not there.
    /// </exception>
    public static void Write(
        string path, string title, string? subtitle, string image, string prediction, string? reference,
        DatasetJson dataset, int channel = 0, SliceChoice? slices = null)
    {
        var reader = ImageReaders.For(dataset, null);
        var (voxels, geometry) = reader.Read(image);
        var predicted = reader.ReadLabels(prediction).Voxels;
        var referred = reference is null ? null : reader.ReadLabels(reference).Voxels;
        var targets = new EvaluationTargets(dataset.LabelManager);
        var metrics = referred is null ? null : targets.Evaluate(new JointHistogram(referred, predicted));
        var isCt = dataset.ChannelNames[channel].Equals("CT", StringComparison.OrdinalIgnoreCase);
        OverlayPicture.Write(path, new OverlayCase(title, voxels, geometry, predicted, Classes(dataset, targets, metrics))
        {
            Subtitle = subtitle,
            Reference = referred,
            Slices = slices,
            Window = isCt ? IntensityWindow.AbdominalCt : null,
        });
    }

    /// <summary>A region is shown by the label that it writes: what the regions over it leave of it.</summary>
    private static OverlayClass[] Classes(
        DatasetJson dataset, EvaluationTargets targets, IReadOnlyDictionary<LabelOrRegion, ConfusionCounts>? metrics) =>
    [
        .. targets.Targets.Select((target, i) => new OverlayClass(
            dataset.LabelManager.RegionsClassOrder?[i] ?? target.Labels[0], target.Name, metrics?[target].Dice)),
    ];
}
