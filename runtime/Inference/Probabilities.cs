using System.Numerics.Tensors;

namespace MedSegDsl.Runtime.Inference;

/// <summary>From logits to probabilities, in float32 as nnU-Net computes them.</summary>
public static class Probabilities
{
    /// <summary>Replaces logits by probabilities: softmax over the classes, or a sigmoid of each region.</summary>
    /// <param name="logits">Overwritten.</param>
    /// <param name="areRegions">Whether the channels are regions, which may overlap.</param>
    public static void FromLogits(Logits logits, bool areRegions)
    {
        if (areRegions)
        {
            foreach (var region in logits.Channels)
                TensorPrimitives.Sigmoid(region, region);
            return;
        }

        var voxels = logits.Channels[0].Length;
        var largest = (float[])logits.Channels[0].Clone();
        foreach (var channel in logits.Channels.Skip(1))
            TensorPrimitives.Max(largest, channel, largest);

        var sum = new float[voxels];
        foreach (var channel in logits.Channels)
        {
            TensorPrimitives.Subtract(channel, largest, channel);
            TensorPrimitives.Exp(channel, channel);
            TensorPrimitives.Add(sum, channel, sum);
        }

        foreach (var channel in logits.Channels)
            TensorPrimitives.Divide(channel, sum, channel);
    }

    /// <summary>1 / (1 + e^−x).</summary>
    public static float Sigmoid(float logit) => 1 / (1 + MathF.Exp(-logit));
}
