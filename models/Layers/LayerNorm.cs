using static TorchSharp.torch;

namespace MedSegDsl.Models;

/// <summary>Layer normalisation over the last axis with learned scale and shift: (…, C) → (…, C).</summary>
public sealed class LayerNorm : Layer<Tensor, Tensor>
{
    private readonly long[] shape;
    private readonly double epsilon;

    /// <summary>A norm over so many channels.</summary>
    public LayerNorm(long channels, double epsilon) : base(nameof(LayerNorm))
    {
        shape = [channels];
        this.epsilon = epsilon;
        AddParameter("weight", Start.One, channels);
        AddParameter("bias", Start.Zero, channels);
    }

    /// <inheritdoc />
    public override Tensor forward(Tensor tokens) =>
        nn.functional.layer_norm(tokens, shape, Get("weight", tokens), Get("bias", tokens), epsilon);
}
