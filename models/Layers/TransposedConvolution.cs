using static TorchSharp.torch;

namespace MedSegDsl.Models;

/// <summary>
/// A transposed convolution whose kernel is its stride, with a bias: (B, C, D, H, W) → (B, outputs, D·s, H·s, W·s).
/// </summary>
public sealed class TransposedConvolution : Layer<Tensor, Tensor>
{
    private readonly long[] strides;

    /// <summary>A transposed convolution; the weight is (inputs, outputs, stride).</summary>
    public TransposedConvolution(long inputs, long outputs, Size3 stride) : base(nameof(TransposedConvolution))
    {
        strides = [stride.D, stride.H, stride.W];

        // PyTorch's default: the public code starts ordinary convolutions its own way and leaves these.
        var start = Start.InverseRoot(outputs * stride.Volume);
        AddParameter("weight", start, inputs, outputs, stride.D, stride.H, stride.W);
        AddParameter("bias", start, outputs);
    }

    /// <inheritdoc />
    public override Tensor forward(Tensor volume) =>
        nn.functional.conv_transpose3d(volume, Get("weight", volume), Get("bias", volume), strides);
}
