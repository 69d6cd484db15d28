using static TorchSharp.torch;

namespace MedSegDsl.Models;

/// <summary>
/// SwinUNETR's way down: small cubes made tokens, then stages of layers, each followed by a merging that halves the
/// resolution and doubles the channels. From a volume (B, C, D, H, W) to what goes into every stage and what the last one
/// makes, highest resolution first. Names follow MONAI's SwinTransformer: <c>patch_embed</c>, <c>layers1.0.blocks.0</c>,
/// <c>layers1.0.downsample</c>, and in its v2 <c>layers1c.0</c>, a residual convolution block in front of the stage.
/// </summary>
public sealed class WindowPyramidEncoder : Layer<Tensor, IReadOnlyList<Tensor>>
{
    private const int TokenSize = 2;
    private const double NormEpsilon = 1e-5;

    private readonly Nested embedding;
    private readonly IReadOnlyList<(LayerSequence? Block, WindowStage Stage)> stages;
    private readonly bool normalised;

    /// <summary>An encoder for volumes of so many channels; the shapes are those of its stages.</summary>
    public WindowPyramidEncoder(
        WindowPyramid pyramid, int inChannels, IReadOnlyList<VolumeShape> shapes, Network network)
        : base(nameof(WindowPyramidEncoder))
    {
        normalised = pyramid.NormalisedSkips;
        embedding = Add("patch_embed", new Nested("proj", Convolution.AsPyTorch(
            inChannels, shapes[0].Channels, TokenSize, stride: TokenSize, bias: true, padded: false)));
        stages = [.. pyramid.Stages.Select((stage, i) => AddStage(pyramid, stage, i, shapes[i], network))];
    }

    /// <inheritdoc />
    public override IReadOnlyList<Tensor> forward(Tensor volume)
    {
        using var scope = NewDisposeScope();
        var tokens = Axes.ToTokens(embedding.call(volume));
        var features = new List<Tensor> { Feature(tokens) };
        foreach (var (block, stage) in stages)
        {
            var entered = block is null ? tokens : Axes.ToTokens(block.call(Axes.ToVolume(tokens)));
            tokens = stage.call(entered);
            features.Add(Feature(tokens));
        }

        return [.. features.Select(feature => feature.MoveToOuterDisposeScope())];
    }

    private (LayerSequence?, WindowStage) AddStage(
        WindowPyramid pyramid, PyramidStage stage, int index, VolumeShape shape, Network network)
    {
        var name = $"layers{index + 1}";
        var built = new WindowStage(stage, shape, pyramid.Merging, network);
        Add(name, new LayerSequence([built]));
        var block = pyramid.ResidualBlocks
            ? Add($"{name}c", new LayerSequence([
                new Nested("layer", new UnetrResidualBlock(shape.Channels, shape.Channels, network))]))
            : null;
        return (block, built);
    }

    /// <summary>What the decoder sees of tokens, under a layer norm that has no scale and shift of its own.</summary>
    private Tensor Feature(Tensor tokens) =>
        Axes.ToVolume(
            normalised ? nn.functional.layer_norm(tokens, [tokens.shape[^1]], eps: NormEpsilon) : tokens);
}
