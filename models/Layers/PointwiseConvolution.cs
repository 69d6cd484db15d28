using static TorchSharp.torch;

namespace MedSegDsl.Models;

/// <summary>
/// A 1×1×1 convolution on tokens, which is a linear layer: (B, D, H, W, C) → (B, D, H, W, outputs). Its weight has the shape
/// of a convolution's or, where published code has a transposed one, of that.
/// </summary>
public sealed class PointwiseConvolution : Layer<Tensor, Tensor>
{
    private readonly bool transposed;

    /// <summary>A convolution with a bias; weight and bias start as PyTorch's do.</summary>
    /// <param name="inputs">Channels that come in.</param>
    /// <param name="outputs">Channels that go out.</param>
    /// <param name="transposed">Whether the weight is (inputs, outputs, 1, 1, 1) instead of (outputs, inputs, 1, 1, 1).</param>
    public PointwiseConvolution(long inputs, long outputs, bool transposed = false) : base(nameof(PointwiseConvolution))
    {
        this.transposed = transposed;

        // PyTorch takes the second axis for the fan-in, also where the convolution is transposed.
        var (first, second) = transposed ? (inputs, outputs) : (outputs, inputs);
        AddParameter("weight", Start.InverseRoot(second), first, second, 1, 1, 1);
        AddParameter("bias", Start.InverseRoot(second), outputs);
    }

    /// <inheritdoc />
    public override Tensor forward(Tensor tokens)
    {
        using var scope = NewDisposeScope();
        var weight = Get("weight", tokens).flatten(1);
        return nn.functional.linear(tokens, transposed ? weight.t() : weight, Get("bias", tokens)).MoveToOuterDisposeScope();
    }
}
