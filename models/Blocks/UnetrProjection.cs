using static TorchSharp.torch;

namespace MedSegDsl.Models;

/// <summary>
/// A transposed convolution to the skip's channels, then, for each further doubling of the resolution, a transposed
/// convolution and a residual block: (B, C, D, H, W) → (B, outputs, 2ⁿ·D, 2ⁿ·H, 2ⁿ·W) (UNETR; MONAI, UnetrPrUpBlock).
/// </summary>
public sealed class UnetrProjection : Layer<Tensor, Tensor>
{
    private readonly Nested first;
    private readonly LayerSequence? others;

    /// <summary>A projection of so many doublings, one at least.</summary>
    public UnetrProjection(int inputs, int outputs, int doublings, Network network) : base(nameof(UnetrProjection))
    {
        first = Add("transp_conv_init", Double(inputs, outputs));
        if (doublings > 1)
        {
            var steps = Enumerable.Range(1, doublings - 1).Select(_ => new LayerSequence(
                [Double(outputs, outputs), new UnetrResidualBlock(outputs, outputs, network)]));
            others = Add("blocks", new LayerSequence(steps));
        }
    }

    /// <inheritdoc />
    public override Tensor forward(Tensor volume)
    {
        using var scope = NewDisposeScope();
        var doubled = first.call(volume);
        return (others?.call(doubled) ?? doubled).MoveToOuterDisposeScope();
    }

    /// <summary>A transposed convolution of kernel and stride 2 without bias.</summary>
    public static Nested Double(int inputs, int outputs) =>
        new("conv", new TransposedConvolution(inputs, outputs, new Size3(2, 2, 2), bias: false));
}
