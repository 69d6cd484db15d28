using static TorchSharp.torch;

namespace MedSegDsl.Models;

/// <summary>
/// A convolution block, a second one without activation, the input added, activation (the basic block of residual
/// networks): a volume (B, C, D, H, W) → (B, C, D, H, W).
/// </summary>
public sealed class ResidualConvolutionLayer : VolumeLayer
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
    public override Tensor forward(Tensor volume)
    {
        using var scope = NewDisposeScope();
        return second.WithSkip(first.call(volume), volume, activation).MoveToOuterDisposeScope();
    }
}
