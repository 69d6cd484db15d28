using static TorchSharp.torch;

namespace MedSegDsl.Models;

/// <summary>
/// nnFormer's way up: every encoder stage's tokens (B, D, H, W, C), highest resolution first, to those of every decoder
/// stage, highest resolution first. Its stages are called <c>layers.0</c>, <c>layers.1</c>, … from the highest resolution.
/// </summary>
public sealed class NnFormerDecoder : Layer<IReadOnlyList<Tensor>, IReadOnlyList<Tensor>>
{
    private readonly IReadOnlyList<NnFormerUpStage> stages;

    /// <summary>A decoder for the shapes that the DSL infers for a patch.</summary>
    public NnFormerDecoder(NnFormer former, NnFormerShapes shapes, Network network) : base(nameof(NnFormerDecoder))
    {
        stages = [.. former.Decoder.Reverse()
            .Zip(shapes.Stages, (stage, shape) => new NnFormerUpStage(stage, shape, network))];
        Add("layers", nn.ModuleList<NnFormerUpStage>([.. stages]));
    }

    /// <inheritdoc />
    public override IReadOnlyList<Tensor> forward(IReadOnlyList<Tensor> skips)
    {
        using var scope = NewDisposeScope();
        var results = new Tensor[stages.Count];
        var deep = skips[^1];
        for (var i = stages.Count - 1; i >= 0; i--)
        {
            results[i] = deep = stages[i].call((deep, skips[i]));
        }

        return [.. results.Select(result => result.MoveToOuterDisposeScope())];
    }
}
