using MedSegDsl.Kernels;
using static TorchSharp.torch;

namespace MedSegDsl.Models;

/// <summary>
/// x / √(mean(x²) + ε) · weight over the last axis: (…, C) → (…, C). At least float32 inside, whatever comes in.
/// </summary>
public sealed class RmsNorm : Layer<Tensor, Tensor>
{
    private const double Epsilon = 1e-5;

    /// <summary>A norm over so many channels.</summary>
    public RmsNorm(long channels) : base(nameof(RmsNorm)) => AddParameter("weight", Start.One, channels);

    /// <inheritdoc />
    public override Tensor forward(Tensor tokens) => RmsNormalization.Apply(tokens, Get("weight"), Epsilon);
}
