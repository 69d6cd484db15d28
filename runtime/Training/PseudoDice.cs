using MedSegDsl.Runtime.Dataset;
using MedSegDsl.Runtime.Distributed;
using static TorchSharp.torch;

namespace MedSegDsl.Runtime.Training;

/// <summary>
/// nnU-Net's online estimate of the Dice: true positives, false positives and false negatives of the highest-resolution
/// map, summed over the patches of an epoch's validation as if they were one volume. Ignored voxels do not count.
/// </summary>
/// <param name="labels">The dataset's classes or regions.</param>
public sealed class PseudoDice(LabelManager labels)
{
    private readonly long[] truePositives = new long[Classes(labels)];
    private readonly long[] predicted = new long[Classes(labels)];
    private readonly long[] annotated = new long[Classes(labels)];

    /// <summary>2·TP / (2·TP + FP + FN) for each foreground class or region; NaN where that is 0/0.</summary>
    public double[] Values =>
        [.. truePositives.Select((tp, i) => predicted[i] + annotated[i] == 0 ? double.NaN : 2.0 * tp / (predicted[i] + annotated[i]))];

    /// <summary>Counts a batch.</summary>
    /// <param name="logits">(B, outputs, …).</param>
    /// <param name="target">The target that the loss gets (<see cref="TrainingTarget"/>).</param>
    public void Add(Tensor logits, Tensor target)
    {
        using var noGradient = no_grad();
        using var scope = NewDisposeScope();
        if (labels.HasRegions)
            AddRegions(logits.flatten(2), target.flatten(2));
        else
            AddClasses(logits, target);
    }

    /// <summary>Adds the counts of the other processes.</summary>
    /// <param name="ranks">All of which call this.</param>
    /// <param name="device">Where tensors of theirs are.</param>
    public void SumOver(ICommunicator ranks, TorchSharp.torch.Device device)
    {
        if (ranks.Size == 1)
            return;
        using var scope = NewDisposeScope();
        var counts = tensor((long[])[.. truePositives, .. predicted, .. annotated]).to(device);
        ranks.Sum(counts);
        var sums = counts.cpu().data<long>().ToArray();
        var classes = truePositives.Length;
        sums.AsSpan(0, classes).CopyTo(truePositives);
        sums.AsSpan(classes, classes).CopyTo(predicted);
        sums.AsSpan(2 * classes, classes).CopyTo(annotated);
    }

    private static int Classes(LabelManager labels) => labels.HasRegions ? labels.Outputs : labels.Outputs - 1;

    private void AddClasses(Tensor logits, Tensor target)
    {
        var outputs = labels.Outputs;
        // The table of truth (rows, one more for the ignore label) against prediction (columns).
        var pairs = target * outputs + logits.argmax(1, keepdim: true);
        var table = pairs.flatten().bincount(null, (outputs + 1) * outputs).cpu().data<long>().ToArray();
        for (var c = 1; c < outputs; c++)
        {
            truePositives[c - 1] += table[c * outputs + c];
            for (var other = 0; other < outputs; other++)
            {
                annotated[c - 1] += table[c * outputs + other];
                predicted[c - 1] += table[other * outputs + c];
            }
        }
    }

    private void AddRegions(Tensor logits, Tensor target)
    {
        var prediction = logits.gt(0);
        var truth = target.narrow(1, 0, labels.Outputs).to(ScalarType.Bool);
        if (labels.IgnoreLabel is not null)
        {
            var counted = target.narrow(1, labels.Outputs, 1).eq(0);
            prediction = prediction.logical_and(counted);
            truth = truth.logical_and(counted);
        }

        Accumulate(truePositives, prediction.logical_and(truth));
        Accumulate(predicted, prediction);
        Accumulate(annotated, truth);
    }

    private static void Accumulate(long[] sums, Tensor mask)
    {
        var counts = mask.sum([0, 2]).cpu().data<long>().ToArray();
        for (var i = 0; i < sums.Length; i++)
            sums[i] += counts[i];
    }
}
