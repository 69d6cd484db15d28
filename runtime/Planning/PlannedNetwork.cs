using Microsoft.FSharp.Collections;

namespace MedSegDsl.Runtime.Planning;

/// <summary>Networks whose sizes come from the plans.</summary>
public static class PlannedNetwork
{
    /// <summary>The network with the sizes of a configuration; one that needs no plans stays as it is.</summary>
    /// <param name="network">The definition.</param>
    /// <param name="configuration">The plans' configuration, of three dimensions.</param>
    /// <exception cref="UserException">The plans describe a network in another way than nnU-Net's planners.</exception>
    public static Network Resolve(Network network, PlansConfiguration configuration) =>
        UNetPlanModule.isNeeded(network) ? UNetPlanModule.resolve(Plan(configuration), network) : network;

    private static UNetPlan Plan(PlansConfiguration configuration)
    {
        var architecture = configuration.Architecture;
        var stages = architecture.Stages;
        if (architecture.FeaturesPerStage.Length != stages || architecture.KernelSizes.Length != stages
            || architecture.BlocksPerStage.Length != stages
            || architecture.Strides.Concat(architecture.KernelSizes).Any(axes => axes.Length != 3))
        {
            throw new UserException(
                $"configuration {configuration.Name} of the plans: the network's features, kernels, strides and blocks should "
                + $"be for {stages} stages of three dimensions each");
        }

        var encoder = architecture.Strides.Select((stride, i) => new UNetStage(
            architecture.FeaturesPerStage[i], Size(stride), Size(architecture.KernelSizes[i]), architecture.BlocksPerStage[i]));
        var sizes = new UNetSizes(
            ListModule.OfSeq(encoder), ListModule.OfSeq(architecture.ConvolutionsPerDecoderStage));
        return new UNetPlan(architecture.IsResidualEncoder, sizes);
    }

    private static Size3 Size(int[] axes) => new(axes[0], axes[1], axes[2]);
}
