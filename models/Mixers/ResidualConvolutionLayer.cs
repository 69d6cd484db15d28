using static TorchSharp.torch;

namespace MedSegDsl.Models;

/// <summary>
/// A convolution block, a second one without activation, the input added, activation (the basic block of residual
/// networks) in the place of a token mixer: tokens (B, D, H, W, C) → (B, D, H, W, C).
/// </summary>
public sealed class ResidualConvolutionLayer : Layer<Tensor, Tensor>
{
    private readonly ConvBlock first;
    private readonly ConvBlock second;
    private readonly Activation activation;

    /// <summary>A layer of two convolutions of kernel³ over so many channels.</summary>
    public ResidualConvolutionLayer(int channels, int kernel, Network network) : base(nameof(ResidualConvolutionLayer))
    {
        var stride = new Size3(1, 1, 1);
        first = Add("conv1", new ConvBlock(channels, channels, kernel, stride, network));
        second = Add("conv2", new ConvBlock(channels, channels, kernel, stride, network, activated: false));
        activation = network.Activation;
    }

    /// <inheritdoc />
    public override Tensor forward(Tensor tokens)
    {
        using var scope = NewDisposeScope();
        var volume = Axes.ToVolume(tokens);
        var sum = volume + second.call(first.call(volume));
        return Axes.ToTokens(ActivationFunction.Overwrite(activation, sum)).MoveToOuterDisposeScope();
    }
}
