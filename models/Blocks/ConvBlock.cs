using static TorchSharp.torch;

namespace MedSegDsl.Models;

/// <summary>Convolution without bias → norm → activation: (B, C, D, H, W) → (B, outputs, D/s, H/s, W/s).</summary>
public sealed class ConvBlock : Layer<Tensor, Tensor>
{
    private readonly Convolution convolution;
    private readonly VolumeNorm norm;
    private readonly Activation? activation;

    /// <summary>A block with the norm and, where asked for, the activation of its network.</summary>
    public ConvBlock(
        long inputs, long outputs, int kernel, Size3 stride, Network network, bool activated = true, bool standardised = false)
        : base(nameof(ConvBlock))
    {
        convolution = Add("conv", new Convolution(inputs, outputs, kernel, stride, bias: false, standardised: standardised));
        norm = Add("norm", new VolumeNorm(network.Norm, outputs));
        activation = activated ? network.Activation : null;
    }

    /// <inheritdoc />
    public override Tensor forward(Tensor volume)
    {
        using var scope = NewDisposeScope();
        var normed = norm.call(convolution.call(volume));
        var result = activation is null ? normed : ActivationFunction.Overwrite(activation, normed);
        return result.MoveToOuterDisposeScope();
    }
}
