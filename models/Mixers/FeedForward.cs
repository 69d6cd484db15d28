using static TorchSharp.torch;

namespace MedSegDsl.Models;

/// <summary>Linear C → ratio·C, GELU, linear back: (…, C) → (…, C).</summary>
public sealed class FeedForward : Layer<Tensor, Tensor>
{
    private readonly Linear widen;
    private readonly Linear narrow;

    /// <summary>A feed-forward network with so many hidden channels for each channel.</summary>
    public FeedForward(int channels, int ratio) : base(nameof(FeedForward))
    {
        widen = Add("fc1", new Linear(channels, ratio * channels, bias: true));
        narrow = Add("fc2", new Linear(ratio * channels, channels, bias: true));
    }

    /// <inheritdoc />
    public override Tensor forward(Tensor tokens)
    {
        using var scope = NewDisposeScope();
        return narrow.call(nn.functional.gelu(widen.call(tokens))).MoveToOuterDisposeScope();
    }
}
