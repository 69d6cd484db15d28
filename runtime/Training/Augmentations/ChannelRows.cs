using MedSegDsl.Runtime.Training.Augmentations.Intensity;
using MedSegDsl.Runtime.Training.Loading;
using static TorchSharp.torch;

namespace MedSegDsl.Runtime.Training.Augmentations;

/// <summary>The channels of a batch that one step changes, all of them together.</summary>
public sealed class ChannelRows
{
    private readonly long[] rows;
    private readonly int[] samples;

    private ChannelRows(IReadOnlyList<(int Sample, int Channel)> chosen, int channels)
    {
        rows = [.. chosen.Select(c => (long)c.Sample * channels + c.Channel)];
        samples = [.. chosen.Select(c => c.Sample)];
    }

    /// <summary>How many channels were chosen.</summary>
    public int Count => rows.Length;

    /// <summary>Chooses samples, and of each chosen sample the channels.</summary>
    /// <param name="batch">The batch.</param>
    /// <param name="candidates">The samples to choose from.</param>
    /// <param name="probability">Of a sample.</param>
    /// <param name="channelProbability">Of each channel of a chosen sample.</param>
    /// <param name="random">The batch's random numbers.</param>
    public static ChannelRows Draw(
        AugmentedBatch batch, IReadOnlyList<int> candidates, double probability, double channelProbability, BatchRandom random)
    {
        var chosen = new List<(int Sample, int Channel)>();
        foreach (var sample in candidates.Where(_ => random.Chance(probability)))
            chosen.AddRange(Enumerable.Range(0, batch.Channels).Where(_ => random.Chance(channelProbability)).Select(c => (sample, c)));
        return new ChannelRows(chosen, batch.Channels);
    }

    /// <summary>Changes the chosen channels of an image in place.</summary>
    /// <param name="image">(B, C, …), contiguous.</param>
    /// <param name="transform">The change.</param>
    /// <param name="random">The batch's random numbers.</param>
    public void Change(Tensor image, IntensityTransform transform, BatchRandom random)
    {
        using var scope = NewDisposeScope();
        var all = image.flatten(0, 1);
        if (rows[^1] - rows[0] == rows.Length - 1)
        {
            transform.Apply(all.narrow(0, rows[0], rows.Length), samples, random);
            return;
        }

        var index = tensor(rows, device: image.device);
        var chosen = all.index_select(0, index);
        transform.Apply(chosen, samples, random);
        all.index_copy_(0, index, chosen);
    }
}
