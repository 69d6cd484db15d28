using static TorchSharp.torch;

namespace MedSegDsl.Models;

/// <summary>Linear C → ratio·C, GELU, linear back: (…, C) → (…, C).</summary>
public sealed class FeedForward : Layer<Tensor, Tensor>
{
    private readonly Linear widen;
    private readonly Linear narrow;
    private readonly double dropout;

    /// <summary>A feed-forward network with so many hidden channels for each channel.</summary>
    public FeedForward(int channels, int ratio) : base(nameof(FeedForward))
    {
        widen = Add("fc1", new Linear(channels, ratio * channels, bias: true));
        narrow = Add("fc2", new Linear(ratio * channels, channels, bias: true));
    }

    /// <summary>
    /// A feed-forward network that starts as PyTorch's layers do, with dropout behind both layers. MONAI calls them
    /// <c>linear1</c> and <c>linear2</c>.
    /// </summary>
    public FeedForward(int channels, int ratio, double dropout, string first = "linear1", string second = "linear2")
        : base(nameof(FeedForward))
    {
        widen = Add(first, Linear.AsPyTorch(channels, ratio * channels, bias: true));
        narrow = Add(second, Linear.AsPyTorch(ratio * channels, channels, bias: true));
        this.dropout = dropout;
    }

    /// <inheritdoc />
    public override Tensor forward(Tensor tokens)
    {
        using var scope = NewDisposeScope();
        var hidden = RandomDrops.Numbers(nn.functional.gelu(widen.call(tokens)), dropout, training);
        return RandomDrops.Numbers(narrow.call(hidden), dropout, training).MoveToOuterDisposeScope();
    }
}
