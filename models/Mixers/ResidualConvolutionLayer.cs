using static TorchSharp.torch;

namespace MedSegDsl.Models;

/// <summary>
/// Convolution → norm → activation → convolution → norm, the input added, activation (the basic block of residual
/// networks) in the place of a token mixer: tokens (B, D, H, W, C) → (B, D, H, W, C).
/// </summary>
public sealed class ResidualConvolutionLayer : Layer<Tensor, Tensor>
{
    private readonly Convolution firstConvolution;
    private readonly VolumeNorm firstNorm;
    private readonly Convolution secondConvolution;
    private readonly VolumeNorm secondNorm;
    private readonly Activation activation;

    /// <summary>A layer of two convolutions of kernel³ over so many channels.</summary>
    public ResidualConvolutionLayer(int channels, int kernel, Network network) : base(nameof(ResidualConvolutionLayer))
    {
        var stride = new Size3(1, 1, 1);
        firstConvolution = Add("conv1", new Convolution(channels, channels, kernel, stride, bias: false));
        firstNorm = Add("norm1", new VolumeNorm(network.Norm, channels));
        secondConvolution = Add("conv2", new Convolution(channels, channels, kernel, stride, bias: false));
        secondNorm = Add("norm2", new VolumeNorm(network.Norm, channels));
        activation = network.Activation;
    }

    /// <inheritdoc />
    public override Tensor forward(Tensor tokens)
    {
        using var scope = NewDisposeScope();
        var volume = Axes.ToVolume(tokens);
        var first = ActivationFunction.Overwrite(activation, firstNorm.call(firstConvolution.call(volume)));
        var second = secondNorm.call(secondConvolution.call(first));
        return Axes.ToTokens(ActivationFunction.Overwrite(activation, volume + second)).MoveToOuterDisposeScope();
    }
}
