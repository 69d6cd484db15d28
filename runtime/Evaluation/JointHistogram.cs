using MedSegDsl.Runtime.Imaging;

namespace MedSegDsl.Runtime.Evaluation;

/// <summary>
/// How often each pair of reference label and predicted label meets in a voxel. One pass over the volumes serves
/// the counts of all labels and regions.
/// </summary>
public sealed class JointHistogram
{
    private readonly Dictionary<(short Reference, short Prediction), long> counts = [];

    /// <summary>Counts the pairs of two label maps.</summary>
    /// <exception cref="UserException">The shapes differ.</exception>
    public JointHistogram(ImageArray<short> reference, ImageArray<short> prediction)
    {
        if (!reference.Shape.AsSpan().SequenceEqual(prediction.Shape))
        {
            throw new UserException($"the prediction's shape {string.Join(" × ", prediction.Shape)} (z, y, x) "
                + $"is not the reference's {string.Join(" × ", reference.Shape)}");
        }

        var merging = new Lock();
        Parallel.For(0, reference.Shape[0], () => new Dictionary<(short, short), long>(), (z, _, local) =>
        {
            var plane = reference.Shape[1] * reference.Shape[2];
            CountRuns(reference.Data.AsSpan(z * plane, plane), prediction.Data.AsSpan(z * plane, plane), local);
            return local;
        }, local =>
        {
            lock (merging)
            {
                foreach (var (pair, count) in local)
                    counts[pair] = counts.GetValueOrDefault(pair) + count;
            }
        });
    }

    /// <summary>The labels of the reference, ascending.</summary>
    public IReadOnlyList<int> ReferenceLabels => [.. counts.Keys.Select(pair => (int)pair.Reference).Distinct().Order()];

    /// <summary>The labels of the prediction, ascending.</summary>
    public IReadOnlyList<int> PredictedLabels => [.. counts.Keys.Select(pair => (int)pair.Prediction).Distinct().Order()];

    /// <summary>The counts of one label or region.</summary>
    /// <param name="target">The label or region.</param>
    /// <param name="ignoreLabel">Voxels with this label in the reference count nowhere.</param>
    public ConfusionCounts Counts(LabelOrRegion target, int? ignoreLabel = null)
    {
        long truePositives = 0, falsePositives = 0, falseNegatives = 0, trueNegatives = 0;
        foreach (var ((reference, prediction), count) in counts)
        {
            if (reference == ignoreLabel)
                continue;
            switch (target.Labels.Contains(reference), target.Labels.Contains(prediction))
            {
                case (true, true): truePositives += count; break;
                case (false, true): falsePositives += count; break;
                case (true, false): falseNegatives += count; break;
                default: trueNegatives += count; break;
            }
        }

        return new ConfusionCounts(truePositives, falsePositives, falseNegatives, trueNegatives);
    }

    /// <summary>Label maps are piecewise constant: one look-up for each run of equal pairs.</summary>
    private static void CountRuns(
        ReadOnlySpan<short> reference, ReadOnlySpan<short> prediction, Dictionary<(short, short), long> counts)
    {
        for (var start = 0; start < reference.Length;)
        {
            var pair = (reference[start], prediction[start]);
            var end = start + 1;
            while (end < reference.Length && reference[end] == pair.Item1 && prediction[end] == pair.Item2)
                end++;
            counts[pair] = counts.GetValueOrDefault(pair) + end - start;
            start = end;
        }
    }
}
