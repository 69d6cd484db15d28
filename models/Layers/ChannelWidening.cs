using static TorchSharp.torch;

namespace MedSegDsl.Models;

/// <summary>
/// A 1×1×1 convolution in as many groups as there are channels, which makes several channels of each: (…, C) → (…, C, ratio).
/// </summary>
public sealed class ChannelWidening : Layer<Tensor, Tensor>
{
    private readonly int channels;

    /// <summary>A layer with a weight (ratio·C, 1, 1, 1, 1) and a bias (ratio·C).</summary>
    public ChannelWidening(int channels, int ratio) : base(nameof(ChannelWidening))
    {
        this.channels = channels;
        AddParameter("weight", Start.InverseRoot(1), ratio * channels, 1, 1, 1, 1);
        AddParameter("bias", Start.InverseRoot(1), ratio * channels);
    }

    /// <inheritdoc />
    public override Tensor forward(Tensor tokens)
    {
        using var scope = NewDisposeScope();
        var weight = Get("weight", tokens).view(channels, -1);
        var bias = Get("bias", tokens).view(channels, -1);
        return bias.addcmul(tokens.unsqueeze(-1), weight, 1).MoveToOuterDisposeScope();
    }
}
