using static TorchSharp.torch;

namespace MedSegDsl.Models;

/// <summary>A convolution block as a layer: a volume (B, C, D, H, W) → (B, C, D, H, W).</summary>
public sealed class PlainConvolutionLayer : VolumeLayer
{
    private readonly Convolution convolution;
    private readonly VolumeNorm norm;
    private readonly Activation activation;

    /// <summary>A layer of kernel³ over so many channels.</summary>
    public PlainConvolutionLayer(int channels, int kernel, Network network) : base(nameof(PlainConvolutionLayer))
    {
        convolution = Add("conv", new Convolution(
            channels, channels, kernel, new Size3(1, 1, 1), network.HasBlockBias, start: ConvolutionStart.Of(network)));
        norm = Add("norm", new VolumeNorm(network.Norm, channels));
        activation = network.Activation;
    }

    /// <inheritdoc />
    public override Tensor forward(Tensor volume) => norm.After(convolution, volume, activation);
}
