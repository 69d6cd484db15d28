using static TorchSharp.torch;

namespace MedSegDsl.Models;

/// <summary>
/// Trilinear by the stride that the encoder went down by, a 1×1×1 convolution to the skip's channels, trilinear to the
/// skip's size where it differs, the sum, a convolution block of kernel 3 (the public code): a deep volume (B, C, …) and
/// a skip (B, C', D, H, W) → (B, C', D, H, W).
/// </summary>
public sealed class TrilinearUpsampling : Layer<(Tensor Deep, Tensor Skip), Tensor>
{
    private const int BlockKernel = 3;

    private readonly Convolution match;
    private readonly ConvBlock block;
    private readonly Size3 stride;

    /// <summary>An upsampling from so many channels to those of the skip.</summary>
    public TrilinearUpsampling(int inputs, int outputs, Size3 stride, Network network)
        : base(nameof(TrilinearUpsampling))
    {
        var one = new Size3(1, 1, 1);
        this.stride = stride;
        match = Add("conv_channel_matcher", new Convolution(inputs, outputs, 1, one, bias: true, start: ConvolutionStart.Of(network)));
        block = Add("conv_out", new ConvBlock(outputs, outputs, BlockKernel, one, network));
    }

    /// <inheritdoc />
    public override Tensor forward((Tensor Deep, Tensor Skip) input)
    {
        using var scope = NewDisposeScope();

        // The weights of an interpolation sum to 1, so it may come after the 1×1×1 convolution, on an eighth of the voxels.
        var matched = match.call(input.Deep);
        var size = Axes.SizeOf(matched);
        var upsampled = Axes.Resize(matched, new Size3(size.D * stride.D, size.H * stride.H, size.W * stride.W));
        return block.call(Axes.Resize(upsampled, Axes.SizeOf(input.Skip)) + input.Skip).MoveToOuterDisposeScope();
    }
}
