using static TorchSharp.torch;

namespace MedSegDsl.Models;

/// <summary>
/// What MedNeXt's three blocks share, on what their depthwise convolution makes: norm, 1×1×1 convolution to more channels,
/// activation, 1×1×1 convolution to those of the block; tokens (B, D, H, W, C) → (B, D, H, W, outputs). The blocks hold its
/// parts under their own names.
/// </summary>
public sealed class MedNeXtPath
{
    private readonly VolumeNorm norm;
    private readonly PointwiseConvolution widen;
    private readonly PointwiseConvolution narrow;
    private readonly Activation activation;

    /// <summary>The path of a block, with the norm and activation of its network.</summary>
    /// <param name="add">Adds a part to the block.</param>
    /// <param name="inputs">Channels that come in.</param>
    /// <param name="outputs">Channels that go out.</param>
    /// <param name="block">The block.</param>
    /// <param name="network">The network that it is a part of.</param>
    public MedNeXtPath(Action<string, nn.Module> add, int inputs, int outputs, MedNeXtBlock block, Network network)
    {
        norm = new VolumeNorm(network.Norm, inputs);
        widen = new PointwiseConvolution(inputs, block.Expansion * inputs);
        narrow = new PointwiseConvolution(block.Expansion * inputs, outputs);
        activation = network.Activation;
        add("norm", norm);
        add("conv2", widen);
        add("conv3", narrow);
    }

    /// <summary>The start of a depthwise convolution's weight and bias: PyTorch's default.</summary>
    public static Start DepthwiseStart(int kernel) => Start.InverseRoot((long)kernel * kernel * kernel);

    /// <summary>The path of convolved tokens (B, D, H, W, C).</summary>
    public Tensor Apply(Tensor convolved)
    {
        using var scope = NewDisposeScope();
        var normed = Axes.ToTokens(norm.call(Axes.ToVolume(convolved)));
        return narrow.call(ActivationFunction.Overwrite(activation, widen.call(normed))).MoveToOuterDisposeScope();
    }
}
