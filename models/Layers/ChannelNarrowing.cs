using static TorchSharp.torch;

namespace MedSegDsl.Models;

/// <summary>The way back from <see cref="ChannelWidening"/>: (…, C, ratio) → (…, C).</summary>
public sealed class ChannelNarrowing : Layer<Tensor, Tensor>
{
    /// <summary>A layer with a weight (C, ratio, 1, 1, 1) and a bias (C).</summary>
    public ChannelNarrowing(int channels, int ratio) : base(nameof(ChannelNarrowing))
    {
        AddParameter("weight", Start.InverseRoot(ratio), channels, ratio, 1, 1, 1);
        AddParameter("bias", Start.InverseRoot(ratio), channels);
    }

    /// <inheritdoc />
    public override Tensor forward(Tensor widened)
    {
        using var scope = NewDisposeScope();
        var weight = Get("weight", widened).flatten(1);
        return ((widened * weight).sum(-1) + Get("bias", widened)).MoveToOuterDisposeScope();
    }
}
