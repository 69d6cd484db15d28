using static TorchSharp.torch;

namespace MedSegDsl.Models;

/// <summary>
/// The convolutions of a stage of CoTr's decoder: two convolution blocks and the input added after them, (B, C, D, H, W) →
/// (B, C, D, H, W).
/// </summary>
public sealed class CoTrDecoderStage : Layer<Tensor, Tensor>
{
    private const int Kernel = 3;

    private readonly ConvBlock first;
    private readonly ConvBlock second;

    /// <summary>A stage of so many channels.</summary>
    public CoTrDecoderStage(int channels, bool standardised, Network network) : base(nameof(CoTrDecoderStage))
    {
        var stride = new Size3(1, 1, 1);
        first = Add("resconv1", new ConvBlock(channels, channels, Kernel, stride, network, standardised: standardised));
        second = Add("resconv2", new ConvBlock(channels, channels, Kernel, stride, network, standardised: standardised));
    }

    /// <inheritdoc />
    public override Tensor forward(Tensor volume)
    {
        using var scope = NewDisposeScope();
        return (second.call(first.call(volume)) + volume).MoveToOuterDisposeScope();
    }
}
