using static TorchSharp.torch;

namespace MedSegDsl.Models;

/// <summary>A convolution block in the place of a token mixer: tokens (B, D, H, W, C) → (B, D, H, W, C).</summary>
public sealed class PlainConvolutionLayer : Layer<Tensor, Tensor>
{
    private readonly Convolution convolution;
    private readonly VolumeNorm norm;
    private readonly Activation activation;

    /// <summary>A layer of kernel³ over so many channels.</summary>
    public PlainConvolutionLayer(int channels, int kernel, Network network) : base(nameof(PlainConvolutionLayer))
    {
        convolution = Add("conv", new Convolution(channels, channels, kernel, new Size3(1, 1, 1), bias: false));
        norm = Add("norm", new VolumeNorm(network.Norm, channels));
        activation = network.Activation;
    }

    /// <inheritdoc />
    public override Tensor forward(Tensor tokens)
    {
        using var scope = NewDisposeScope();
        var normed = norm.call(convolution.call(Axes.ToVolume(tokens)));
        return Axes.ToTokens(ActivationFunction.Overwrite(activation, normed)).MoveToOuterDisposeScope();
    }
}
