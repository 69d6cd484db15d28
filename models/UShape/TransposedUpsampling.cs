using static TorchSharp.torch;

namespace MedSegDsl.Models;

/// <summary>
/// A transposed convolution whose kernel and stride are those that the encoder went down by, then the sum with the skip
/// (the paper's table): a deep volume (B, C, …) and a skip (B, C', D, H, W) → (B, C', D, H, W).
/// </summary>
public sealed class TransposedUpsampling : Layer<(Tensor Deep, Tensor Skip), Tensor>
{
    private readonly TransposedConvolution convolution;

    /// <summary>An upsampling from so many channels to those of the skip.</summary>
    public TransposedUpsampling(int inputs, int outputs, Size3 stride, Network network)
        : base(nameof(TransposedUpsampling)) =>
        convolution = Add("proj", new TransposedConvolution(inputs, outputs, stride, start: ConvolutionStart.Of(network)));

    /// <inheritdoc />
    public override Tensor forward((Tensor Deep, Tensor Skip) input)
    {
        using var scope = NewDisposeScope();
        var upsampled = convolution.call(input.Deep);
        return (Axes.Resize(upsampled, Axes.SizeOf(input.Skip)) + input.Skip).MoveToOuterDisposeScope();
    }
}
