using static TorchSharp.torch;

namespace MedSegDsl.Models;

/// <summary>
/// SegFormer's encoder: a volume (B, C, D, H, W) → one volume (B, C, D, H, W) for each stage, highest resolution first.
/// </summary>
public sealed class SegFormerEncoder : Layer<Tensor, IReadOnlyList<Tensor>>
{
    /// <summary>Epsilon of every layer norm of the network.</summary>
    internal const double NormEpsilon = 1e-5;

    private readonly IReadOnlyList<(PatchEmbedding Embedding, LayerStack Mixers, LayerNorm Norm)> stages;

    /// <summary>The encoder for so many image channels.</summary>
    public SegFormerEncoder(SegFormer shape, int inChannels, Size3 patch, Network network) : base(nameof(SegFormerEncoder))
    {
        var volumes = SegFormerShapes.infer(patch, shape);
        var inputs = shape.Stages.Select(stage => stage.Channels).Prepend(inChannels);
        stages = [.. shape.Stages.Zip(inputs).Select((pair, i) =>
        {
            var (stage, channels) = pair;
            return (
                Add($"embed_{i + 1}", new PatchEmbedding(channels, stage)),
                Add($"tf_block{i + 1}", LayerStack.Of(stage.Mixer, stage.Depth, volumes[i], network)),
                Add($"norm{i + 1}", new LayerNorm(stage.Channels, NormEpsilon)));
        })];
    }

    /// <inheritdoc />
    public override IReadOnlyList<Tensor> forward(Tensor volume)
    {
        using var scope = NewDisposeScope();
        var features = new List<Tensor>();
        var current = volume;
        foreach (var (embedding, mixers, norm) in stages)
        {
            current = Axes.ToVolume(norm.call(mixers.call(embedding.call(current))));
            features.Add(current);
        }

        return [.. features.Select(feature => feature.MoveToOuterDisposeScope())];
    }
}
