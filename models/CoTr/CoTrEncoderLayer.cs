using static TorchSharp.torch;

namespace MedSegDsl.Models;

/// <summary>
/// A residual layer of CoTr's encoder, one convolution and a norm, the input added, activation: (B, C, D, H, W) →
/// (B, C', ⌈D/s⌉, ⌈H/s⌉, ⌈W/s⌉). A layer with a stride brings its input down by a 1×1×1 convolution and a norm.
/// </summary>
public sealed class CoTrEncoderLayer : Layer<Tensor, Tensor>
{
    private const int Kernel = 3;

    private readonly Convolution convolution;
    private readonly VolumeNorm norm;
    private readonly LayerSequence? shortcut;
    private readonly Activation activation;

    /// <summary>The first layer of a stage, which has the stride, or one of the others.</summary>
    public CoTrEncoderLayer(int inputs, CoTrStage stage, bool first, bool standardised, Network network)
        : base(nameof(CoTrEncoderLayer))
    {
        var stride = first ? stage.Stride : new Size3(1, 1, 1);
        convolution = Add(
            "conv1", new Convolution(inputs, stage.Channels, Kernel, stride, bias: false, standardised: standardised));
        norm = Add("norm1", new VolumeNorm(network.Norm, stage.Channels));
        shortcut = first ? Add("downsample", Shortcut(inputs, stage, standardised, network)) : null;
        activation = network.Activation;
    }

    /// <inheritdoc />
    public override Tensor forward(Tensor volume)
    {
        using var scope = NewDisposeScope();
        return norm.After(convolution, volume, activation, shortcut?.call(volume) ?? volume).MoveToOuterDisposeScope();
    }

    private static LayerSequence Shortcut(int inputs, CoTrStage stage, bool standardised, Network network) => new(
    [
        new Convolution(inputs, stage.Channels, 1, stage.Stride, bias: false, standardised: standardised),
        new VolumeNorm(network.Norm, stage.Channels),
    ]);
}
