using MedSegDsl.Runtime.Imaging;

namespace MedSegDsl.Runtime.Inference;

/// <summary>
/// Turns class volumes into one label map while they arrive, one class after the other, so that a case of many classes
/// is never held whole at the image's own size: labels by the largest value (the first on ties), regions by
/// probability above ½, later regions over earlier ones (nnU-Net v2, utilities/label_handling).
/// </summary>
public sealed class RunningSegmentation
{
    private readonly IReadOnlyList<int>? regionsClassOrder;
    private readonly float[]? best;
    private int added;

    /// <summary>A label map of zeros that waits for its first class.</summary>
    /// <param name="shape">Voxels along z, y, x.</param>
    /// <param name="regionsClassOrder">The label that each region writes; null where the classes are labels.</param>
    public RunningSegmentation(int[] shape, IReadOnlyList<int>? regionsClassOrder)
    {
        this.regionsClassOrder = regionsClassOrder;
        Labels = new ImageArray<short>(1, shape);
        best = regionsClassOrder is null ? new float[Labels.VoxelCount] : null;
    }

    /// <summary>The label map so far.</summary>
    public ImageArray<short> Labels { get; }

    /// <summary>Adds the next class.</summary>
    /// <param name="values">Its logits, or with <paramref name="areProbabilities"/> its probabilities, z · y · x.</param>
    /// <param name="areProbabilities">Whether the values have been through softmax or sigmoid.</param>
    public void Add(ReadOnlySpan<float> values, bool areProbabilities = false)
    {
        if (values.Length != Labels.VoxelCount)
            throw new ArgumentException($"class {added}: {values.Length} values for {Labels.VoxelCount} voxels");
        if (regionsClassOrder is null)
            AddLabel(values);
        else
            AddRegion(values, areProbabilities);
        added++;
    }

    private void AddLabel(ReadOnlySpan<float> values)
    {
        if (added == 0)
        {
            values.CopyTo(best);
            return;
        }

        var labels = Labels.Data;
        for (var i = 0; i < values.Length; i++)
        {
            if (values[i] > best![i])
            {
                best[i] = values[i];
                labels[i] = (short)added;
            }
        }
    }

    private void AddRegion(ReadOnlySpan<float> values, bool areProbabilities)
    {
        var label = (short)regionsClassOrder![added];
        var labels = Labels.Data;
        for (var i = 0; i < values.Length; i++)
        {
            // Not the sign of the logit: in float32 the sigmoid of a tiny positive number is ½, and stays outside.
            var probability = areProbabilities ? values[i] : Probabilities.Sigmoid(values[i]);
            if (probability > 0.5f)
                labels[i] = label;
        }
    }
}
