using static TorchSharp.torch;

namespace MedSegDsl.Models;

/// <summary>
/// A transposed 1×1×1 convolution of stride 2: tokens (B, D, H, W, C) → (B, 2·D − 1, 2·H − 1, 2·W − 1, outputs), the bias
/// alone where no token lands.
/// </summary>
public sealed class SpreadingConvolution : Layer<Tensor, Tensor>
{
    private static readonly long[] Strides = [2, 2, 2];

    /// <summary>A convolution with weight (inputs, outputs, 1, 1, 1) and bias (outputs), started as PyTorch does.</summary>
    public SpreadingConvolution(int inputs, int outputs) : base(nameof(SpreadingConvolution))
    {
        AddParameter("weight", Start.InverseRoot(outputs), inputs, outputs, 1, 1, 1);
        AddParameter("bias", Start.InverseRoot(outputs), outputs);
    }

    /// <inheritdoc />
    public override Tensor forward(Tensor tokens)
    {
        using var scope = NewDisposeScope();
        var (weight, bias) = (Get("weight", tokens), Get("bias", tokens));
        var spread = nn.functional.conv_transpose3d(Axes.ToVolume(tokens), weight, bias, strides: Strides);
        return Axes.ToTokens(spread).MoveToOuterDisposeScope();
    }
}
