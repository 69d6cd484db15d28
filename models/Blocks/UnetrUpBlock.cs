using static TorchSharp.torch;

namespace MedSegDsl.Models;

/// <summary>
/// A transposed convolution, the skip joined along channels, a residual block: a deep volume (B, C, …) and a skip
/// (B, C', D, H, W) → (B, C', D, H, W) (UNETR; MONAI, UnetrUpBlock).
/// </summary>
public sealed class UnetrUpBlock : Layer<(Tensor Deep, Tensor Skip), Tensor>
{
    private readonly Nested upsampling;
    private readonly UnetrResidualBlock block;

    /// <summary>A block from so many channels to those of the skip.</summary>
    public UnetrUpBlock(int inputs, int outputs, Network network) : base(nameof(UnetrUpBlock))
    {
        upsampling = Add("transp_conv", UnetrProjection.Double(inputs, outputs));
        block = Add("conv_block", new UnetrResidualBlock(2 * outputs, outputs, network));
    }

    /// <inheritdoc />
    public override Tensor forward((Tensor Deep, Tensor Skip) input)
    {
        using var scope = NewDisposeScope();
        return block.call(cat([upsampling.call(input.Deep), input.Skip], 1)).MoveToOuterDisposeScope();
    }
}
