using static TorchSharp.torch;

namespace MedSegDsl.Models;

/// <summary>
/// 1×1×1 convolution C → hidden, GELU, 1×1×1 convolution back: (B, C, D, H, W) → (B, C, D, H, W) (SegMamba, MlpChannel).
/// </summary>
public sealed class PointwiseFeedForward : Layer<Tensor, Tensor>
{
    private readonly Convolution widen;
    private readonly Convolution narrow;

    /// <summary>A feed-forward network over so many channels.</summary>
    public PointwiseFeedForward(int channels, int hidden) : base(nameof(PointwiseFeedForward))
    {
        widen = Add("fc1", Convolution.AsPyTorch(channels, hidden, 1, stride: 1, bias: true));
        narrow = Add("fc2", Convolution.AsPyTorch(hidden, channels, 1, stride: 1, bias: true));
    }

    /// <inheritdoc />
    public override Tensor forward(Tensor volume)
    {
        using var scope = NewDisposeScope();
        return narrow.call(nn.functional.gelu(widen.call(volume))).MoveToOuterDisposeScope();
    }
}
