using static TorchSharp.torch;

namespace MedSegDsl.Models;

/// <summary>
/// CoTr's deformable Transformer between encoder and decoder: volumes (B, C, D, H, W) of several resolutions → the same
/// volumes after layers that see all of them.
/// </summary>
public sealed class DeformableTransformer : Layer<IReadOnlyList<Tensor>, IReadOnlyList<Tensor>>
{
    private readonly IReadOnlyList<DeformableLayer> layers;

    /// <summary>A Transformer over so many channels and volumes; its layers are called <c>encoder.layers.0</c>, ….</summary>
    public DeformableTransformer(int channels, CoTr shape) : base(nameof(DeformableTransformer))
    {
        AddParameter("level_embed", new Start.Normal(1), shape.Levels, channels);
        layers = [.. Enumerable.Range(0, shape.Layers).Select(_ => new DeformableLayer(channels, shape.Attention, shape.Levels))];
        Add("encoder", new NestedLayerStack(layers));
    }

    /// <inheritdoc />
    public override IReadOnlyList<Tensor> forward(IReadOnlyList<Tensor> volumes)
    {
        using var scope = NewDisposeScope();
        var grid = new LevelGrid([.. volumes.Select(Axes.SizeOf)]);
        var levels = Get("level_embed");
        var channels = (int)volumes[0].shape[1];
        var positions = cat(
            [.. grid.Sizes.Select((size, i) => SinePositions.Of(size, channels, levels).flatten(0, 2) + levels.select(0, i))], 0);
        var tokens = cat([.. volumes.Select(volume => Axes.ToTokens(volume).flatten(1, 3))], 1);
        var seen = layers.Aggregate(tokens, (x, layer) => layer.Apply(x, positions, grid));
        return [.. volumes.Select((_, level) => grid.Volume(seen, level).MoveToOuterDisposeScope())];
    }
}
