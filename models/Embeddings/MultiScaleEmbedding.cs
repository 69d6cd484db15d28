using static TorchSharp.torch;

namespace MedSegDsl.Models;

/// <summary>
/// Convolution blocks of several kernels in front of a stage, side by side (MSv1): volume (B, C, D, H, W) → tokens
/// (B, D', H', W', C') for each kernel.
/// </summary>
public sealed class MultiScaleEmbedding : Layer<Tensor, IReadOnlyList<Tensor>>
{
    private readonly IReadOnlyList<ConvBlock> blocks;

    /// <summary>An embedding of several kernels; its blocks are called <c>proj_s0</c>, <c>proj_s1</c>, ….</summary>
    public MultiScaleEmbedding(int inputs, EncoderStage stage, IEnumerable<int> kernels, Network network)
        : base(nameof(MultiScaleEmbedding)) =>
        blocks = [.. kernels.Select((kernel, i) =>
            Add($"proj_s{i}", new ConvBlock(inputs, stage.Channels, kernel, stage.Stride, network)))];

    /// <inheritdoc />
    public override IReadOnlyList<Tensor> forward(Tensor volume)
    {
        using var scope = NewDisposeScope();
        return [.. blocks.Select(block => Axes.ToTokens(block.call(volume)).MoveToOuterDisposeScope())];
    }
}
