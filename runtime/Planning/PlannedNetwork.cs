using Microsoft.FSharp.Collections;

namespace MedSegDsl.Runtime.Planning;

/// <summary>Networks whose sizes come from the plans.</summary>
public static class PlannedNetwork
{
    /// <summary>
    /// The network with the sizes of a configuration; one that needs no plans stays as it is. That of a 2D configuration
    /// is the same network on volumes of one slice: kernels and strides get a 1 in front.
    /// </summary>
    /// <param name="network">The definition.</param>
    /// <param name="configuration">The plans' configuration.</param>
    /// <exception cref="UserException">The plans describe a network in another way than nnU-Net's planners, or the
    /// configuration is 2D and the network takes volumes only.</exception>
    public static Network Resolve(Network network, PlansConfiguration configuration)
    {
        if (UNetPlanModule.isNeeded(network))
            return UNetPlanModule.resolve(Plan(configuration), network);
        return configuration.Dimensions == 3
            ? network
            : throw new UserException(
                $"configuration {configuration.Name} is two-dimensional, but {network.Name} takes volumes: choose 3d_fullres, or a U-Net under plans such as nnUNet");
    }

    private static UNetPlan Plan(PlansConfiguration configuration)
    {
        var architecture = configuration.Architecture;
        var stages = architecture.Stages;
        if (architecture.FeaturesPerStage.Length != stages || architecture.KernelSizes.Length != stages
            || architecture.BlocksPerStage.Length != stages
            || architecture.Strides.Concat(architecture.KernelSizes).Any(axes => axes.Length != configuration.Dimensions))
        {
            throw new UserException(
                $"configuration {configuration.Name} of the plans: the network's features, kernels, strides and blocks should "
                + $"be for {stages} stages of {configuration.Dimensions} dimensions each");
        }

        var encoder = architecture.Strides.Select((stride, i) => new UNetStage(
            architecture.FeaturesPerStage[i], Size(stride), Size(architecture.KernelSizes[i]), architecture.BlocksPerStage[i]));
        var sizes = new UNetSizes(
            ListModule.OfSeq(encoder), ListModule.OfSeq(architecture.ConvolutionsPerDecoderStage));
        return new UNetPlan(architecture.IsResidualEncoder, sizes);
    }

    private static Size3 Size(int[] axes) => axes is [var y, var x] ? new(1, y, x) : new(axes[0], axes[1], axes[2]);
}
