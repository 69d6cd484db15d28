using static TorchSharp.torch;

namespace MedSegDsl.Models;

/// <summary>
/// The cross-attention weights that MONAI gives every ViT layer and that UNETR never asks for: they are in its state dicts
/// and among its parameters. Tokens pass as they are.
/// </summary>
public sealed class UnusedCrossAttention : Layer<Tensor, Tensor>
{
    /// <summary>The weights for so many channels.</summary>
    public UnusedCrossAttention(int channels, bool qkvBias) : base(nameof(UnusedCrossAttention))
    {
        Add("out_proj", Linear.AsPyTorch(channels, channels, bias: true));
        foreach (var name in (string[])["to_q", "to_k", "to_v"])
        {
            Add(name, Linear.AsPyTorch(channels, channels, qkvBias));
        }
    }

    /// <inheritdoc />
    public override Tensor forward(Tensor tokens) => tokens;
}
