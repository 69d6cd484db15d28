using static TorchSharp.torch;

namespace MedSegDsl.Models;

/// <summary>Interprets networks of the DSL as modules.</summary>
public static class NetworkBuilder
{
    /// <summary>Builds a network on the CPU in float32, its weights started as its definition says.</summary>
    /// <param name="network">The definition.</param>
    /// <param name="inChannels">Image channels.</param>
    /// <param name="classes">Classes, background included.</param>
    /// <param name="patch">The patch in voxels; the length of position embeddings.</param>
    /// <param name="seed">The same seed gives the same weights.</param>
    /// <exception cref="ModelException">The definition is not valid; the message has every error with its path.</exception>
    public static SegmentationNetwork Build(Network network, int inChannels, int classes, Size3 patch, long seed = 0)
    {
        if (NetworkModule.validate(network) is { IsError: true } invalid)
        {
            throw new ModelException($"{network.Name} cannot be built: {string.Join("; ", invalid.ErrorValue)}");
        }

        using var scope = NewDisposeScope();
        SegmentationNetwork built = network.Architecture switch
        {
            Architecture.UShape shape => new UShapeNetwork(network, shape.Item, inChannels, classes, patch),
            Architecture.Unetr unetr => new UnetrNetwork(network, unetr.Item, inChannels, classes, patch),
            Architecture.SegFormer shape => new SegFormerNetwork(network, shape.Item, inChannels, classes, patch),
            Architecture.CoTr shape => new CoTrNetwork(network, shape.Item, inChannels, classes, patch),
            Architecture.MedNeXt shape => new MedNeXtNetwork(network, shape.Item, inChannels, classes, patch),
            Architecture.NnFormer former => new NnFormerNetwork(network, former.Item, inChannels, classes, patch),
            _ => throw new ModelException($"{network.Name}: the architecture {network.Architecture} has no module"),
        };
        Initialiser.Fill(built, seed);
        return built;
    }
}
