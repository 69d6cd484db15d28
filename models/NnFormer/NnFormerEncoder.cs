using static TorchSharp.torch;

namespace MedSegDsl.Models;

/// <summary>
/// nnFormer's way down: from a volume (B, C, D, H, W) to every stage's tokens (B, D', H', W', C'), under an LN of their
/// own, highest resolution first.
/// </summary>
public sealed class NnFormerEncoder : Layer<Tensor, IReadOnlyList<Tensor>>
{
    private const double NormEpsilon = 1e-5;

    private readonly VolumeEmbedding embedding;
    private readonly IReadOnlyList<NnFormerStage> stages;
    private readonly IReadOnlyList<LayerNorm> norms;

    /// <summary>An encoder for the shapes that the DSL infers for a patch.</summary>
    public NnFormerEncoder(NnFormer former, NnFormerShapes shapes, Network network) : base(nameof(NnFormerEncoder))
    {
        embedding = Add("patch_embed", new VolumeEmbedding(former, shapes.Input.Channels));
        stages = [.. former.Encoder.Zip(shapes.Stages, (stage, shape) =>
            new NnFormerStage(stage, shape, last: shape.Equals(shapes.Stages.Last()), network))];
        Add("layers", new LayerSequence(stages));
        norms = [.. shapes.Stages.Select((shape, i) => Add($"norm{i}", new LayerNorm(shape.Channels, NormEpsilon)))];
    }

    /// <inheritdoc />
    public override IReadOnlyList<Tensor> forward(Tensor volume)
    {
        using var scope = NewDisposeScope();
        var skips = new List<Tensor>();
        var tokens = embedding.call(volume);
        for (var i = 0; i < stages.Count; i++)
        {
            var result = stages[i].call(tokens);
            skips.Add(norms[i].call(result));
            tokens = stages[i].Descend(result);
        }

        return [.. skips.Select(skip => skip.MoveToOuterDisposeScope())];
    }
}
