using static TorchSharp.torch;

namespace MedSegDsl.Models;

/// <summary>Interprets networks of the DSL as modules.</summary>
public static class NetworkBuilder
{
    /// <summary>
    /// Builds a network on the CPU in float32, its weights started as its definition says. Where its sizes come from plans
    /// that nobody gave, they are those that nnU-Net would plan for the patch.
    /// </summary>
    /// <param name="network">The definition.</param>
    /// <param name="inChannels">Image channels.</param>
    /// <param name="classes">Classes, background included.</param>
    /// <param name="patch">The patch in voxels; the length of position embeddings.</param>
    /// <param name="seed">The same seed gives the same weights.</param>
    /// <exception cref="ModelException">The definition is not valid; the message has every error with its path.</exception>
    public static SegmentationNetwork Build(Network network, int inChannels, int classes, Size3 patch, long seed = 0)
    {
        var sized = UNetPlanModule.resolveFor(patch, network);
        if (NetworkModule.validate(sized) is { IsError: true } invalid)
        {
            throw new ModelException($"{network.Name} cannot be built: {string.Join("; ", invalid.ErrorValue)}");
        }

        using var scope = NewDisposeScope();
        SegmentationNetwork built = sized.Architecture switch
        {
            Architecture.UShape shape => new UShapeNetwork(sized, shape.Item, inChannels, classes, patch),
            Architecture.Unetr unetr => new UnetrNetwork(sized, unetr.Item, inChannels, classes, patch),
            Architecture.SegFormer shape => new SegFormerNetwork(sized, shape.Item, inChannels, classes, patch),
            Architecture.CoTr shape => new CoTrNetwork(sized, shape.Item, inChannels, classes, patch),
            Architecture.MedNeXt shape => new MedNeXtNetwork(sized, shape.Item, inChannels, classes, patch),
            Architecture.UNet { Item: var net } when net.Sizes is Planned<UNetSizes>.Set sizes =>
                new UNetNetwork(sized, net, sizes.Item, inChannels, classes, patch),
            _ => throw new ModelException($"{network.Name}: the architecture {sized.Architecture} has no module"),
        };
        Initialiser.Fill(built, seed);
        return built;
    }
}
