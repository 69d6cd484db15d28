namespace MedSegDsl.Models;

/// <summary>
/// The segmentation heads of a network: the parameters whose shape depends on the number of classes, whatever the
/// published code calls them (<c>decoder.seg_layers.0.weight</c>, <c>out.conv.conv.weight</c>, …).
/// </summary>
public static class SegmentationHeads
{
    /// <summary>The heads' state-dict names.</summary>
    /// <param name="definition">The network's definition.</param>
    /// <param name="network">The network built from it.</param>
    /// <exception cref="ModelException">The definition is not valid.</exception>
    public static IReadOnlySet<string> Of(Network definition, SegmentationNetwork network)
    {
        using var other = NetworkBuilder.Build(definition, network.InChannels, network.Classes + 1, network.Patch);
        var shapes = other.state_dict();
        return network.state_dict()
            .Where(entry => !shapes.TryGetValue(entry.Key, out var tensor) || !tensor.shape.SequenceEqual(entry.Value.shape))
            .Select(entry => entry.Key)
            .ToHashSet();
    }
}
