namespace MedSegDsl.Runtime.Inference;

/// <summary>
/// What a network says about an image: one volume for each class or region. Each volume is an array of its own, so
/// that many classes of a large image neither need one contiguous block nor end at .NET's largest array.
/// </summary>
public sealed class Logits
{
    /// <summary>Volumes of zeros.</summary>
    /// <param name="classes">Number of classes or regions.</param>
    /// <param name="shape">Voxels along z, y, x.</param>
    public Logits(int classes, IReadOnlyList<int> shape)
    {
        Shape = [.. shape];
        Channels = [.. Enumerable.Range(0, classes).Select(_ => new float[checked(shape[0] * shape[1] * shape[2])])];
    }

    /// <summary>Wraps volumes; they are not copied.</summary>
    /// <param name="channels">One array of z · y · x values for each class.</param>
    /// <param name="shape">Voxels along z, y, x.</param>
    public Logits(float[][] channels, IReadOnlyList<int> shape)
    {
        if (channels.Any(channel => channel.LongLength != (long)shape[0] * shape[1] * shape[2]))
            throw new ArgumentException($"a channel does not fill {string.Join(" × ", shape)}");
        Shape = [.. shape];
        Channels = channels;
    }

    /// <summary>One volume (z, y, x) for each class or region.</summary>
    public float[][] Channels { get; }

    /// <summary>Number of classes or regions.</summary>
    public int Classes => Channels.Length;

    /// <summary>Voxels along z, y, x.</summary>
    public int[] Shape { get; }

    /// <summary>Adds another network's logits, voxel by voxel.</summary>
    public void Add(Logits other)
    {
        for (var c = 0; c < Classes; c++)
            System.Numerics.Tensors.TensorPrimitives.Add(Channels[c], other.Channels[c], Channels[c]);
    }

    /// <summary>Divides by the number of networks that were added up.</summary>
    public void Divide(int networks)
    {
        foreach (var channel in Channels)
            System.Numerics.Tensors.TensorPrimitives.Divide(channel, networks, channel);
    }
}
