using static TorchSharp.torch;

namespace MedSegDsl.Models;

/// <summary>
/// An encoder stage with a chain of mixer layers for each kernel of its embedding, fused after them (MSv1). The chains
/// share one position embedding: their tokens lie at the same places.
/// </summary>
/// <param name="embedding">Volume (B, C, D, H, W) → tokens (B, D, H, W, C) for each chain.</param>
/// <param name="positions">The position embedding, or null.</param>
/// <param name="chains">A chain for each kernel.</param>
/// <param name="fusion">What makes one of their results.</param>
public sealed class ParallelChainsStage(
    MultiScaleEmbedding embedding,
    LearnedPositions? positions,
    IReadOnlyList<Layer<Tensor, Tensor>> chains,
    VolumeFusion fusion)
    : IEncoderStage
{
    /// <inheritdoc />
    public Tensor Apply(Tensor volume)
    {
        using var scope = NewDisposeScope();
        var results = embedding.call(volume)
            .Zip(chains, (tokens, chain) => chain.call(positions?.AddTo(tokens) ?? tokens))
            .ToList();
        return Axes.ToVolume(fusion.call(results)).MoveToOuterDisposeScope();
    }
}
