using static TorchSharp.torch;

namespace MedSegDsl.Models;

/// <summary>Multi-head attention between all tokens: (B, D, H, W, C) → (B, D, H, W, C) (MONAI, SABlock).</summary>
public sealed class VitAttention : Layer<Tensor, Tensor>
{
    private readonly int heads;
    private readonly double dropout;
    private readonly Linear projections;
    private readonly Linear output;

    /// <summary>Attention over so many channels, which the heads must divide.</summary>
    public VitAttention(int channels, VitMixer mixer) : base(nameof(VitAttention))
    {
        (heads, dropout) = (mixer.Heads, mixer.Dropout);
        output = Add("out_proj", Linear.AsPyTorch(channels, channels, bias: true));
        projections = Add("qkv", Linear.AsPyTorch(channels, 3 * channels, mixer.QkvBias));
    }

    /// <inheritdoc />
    public override Tensor forward(Tensor tokens)
    {
        using var scope = NewDisposeScope();
        var qkv = projections.call(tokens.flatten(1, 3));
        var attended = output.call(MultiHead.Attend(qkv, heads, dropout: training ? dropout : 0));
        return RandomDrops.Numbers(attended, dropout, training).view(tokens.shape).MoveToOuterDisposeScope();
    }
}
