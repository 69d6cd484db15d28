using static TorchSharp.torch;

namespace MedSegDsl.Models;

/// <summary>
/// A transposed convolution whose kernel is its stride: (B, C, D, H, W) → (B, outputs, D·s, H·s, W·s).
/// </summary>
public sealed class TransposedConvolution : Layer<Tensor, Tensor>
{
    private readonly long[] strides;
    private readonly bool biased;

    /// <summary>A transposed convolution; the weight is (inputs, outputs, stride).</summary>
    /// <param name="inputs">Channels that come in.</param>
    /// <param name="outputs">Channels that go out.</param>
    /// <param name="stride">Kernel and stride along each axis.</param>
    /// <param name="bias">Whether a bias is added.</param>
    /// <param name="weightStart">How the weight starts, where it is not as <paramref name="start"/> says.</param>
    /// <param name="start">How it starts; PyTorch's default where nothing is said.</param>
    public TransposedConvolution(
        long inputs, long outputs, Size3 stride, bool bias = true, Start? weightStart = null, ConvolutionStart? start = null)
        : base(nameof(TransposedConvolution))
    {
        biased = bias;
        strides = [stride.D, stride.H, stride.W];
        start ??= ConvolutionStart.HeFanOut;
        var fanIn = outputs * stride.Volume;
        AddParameter("weight", weightStart ?? start.Transposed(fanIn), inputs, outputs, stride.D, stride.H, stride.W);
        if (bias)
        {
            AddParameter("bias", start.Bias(fanIn), outputs);
        }
    }

    /// <inheritdoc />
    public override Tensor forward(Tensor volume) =>
        nn.functional.conv_transpose3d(volume, Get("weight", volume), biased ? Get("bias", volume) : null, strides);
}
