using static TorchSharp.torch;

namespace MedSegDsl.Models;

/// <summary>
/// SegFormer's overlapping patch embedding, a strided convolution wider than its stride and a layer norm: volume
/// (B, C, D, H, W) → tokens (B, ⌈D/s⌉, ⌈H/s⌉, ⌈W/s⌉, C').
/// </summary>
public sealed class PatchEmbedding : Layer<Tensor, Tensor>
{
    private readonly Convolution convolution;
    private readonly LayerNorm norm;

    /// <summary>The embedding of a stage.</summary>
    public PatchEmbedding(int inputs, SegFormerStage stage) : base(nameof(PatchEmbedding))
    {
        convolution = Add(
            "patch_embeddings",
            new Convolution(inputs, stage.Channels, stage.Kernel, stage.Stride, bias: true, biasStart: Start.Zero));
        norm = Add("norm", new LayerNorm(stage.Channels, SegFormerEncoder.NormEpsilon));
    }

    /// <inheritdoc />
    public override Tensor forward(Tensor volume)
    {
        using var scope = NewDisposeScope();
        return norm.call(Axes.ToTokens(convolution.call(volume))).MoveToOuterDisposeScope();
    }
}
