using static TorchSharp.torch;

namespace MedSegDsl.Models;

/// <summary>
/// Convolution blocks of several kernels fused into one (MSv2, MSv3): volume (B, C, D, H, W) → tokens (B, D', H', W', C').
/// </summary>
public sealed class FusedEmbedding : Layer<Tensor, Tensor>
{
    private readonly IReadOnlyList<ConvBlock> blocks;
    private readonly VolumeFusion fusion;

    /// <summary>
    /// An embedding of several kernels; its blocks are called <c>proj_s0</c>, <c>proj_s1</c>, …, then <c>fusion</c>.
    /// </summary>
    public FusedEmbedding(int inputs, EncoderStage stage, IEnumerable<int> kernels, Fusion fusion, Network network)
        : base(nameof(FusedEmbedding))
    {
        blocks = [.. kernels.Select((kernel, i) =>
            Add($"proj_s{i}", new ConvBlock(inputs, stage.Channels, kernel, stage.Stride, network)))];
        this.fusion = Add("fusion", new VolumeFusion(fusion, blocks.Count, stage.Channels));
    }

    /// <inheritdoc />
    public override Tensor forward(Tensor volume)
    {
        using var scope = NewDisposeScope();
        var scales = blocks.Select(block => Axes.ToTokens(block.call(volume))).ToList();
        return fusion.call(scales).MoveToOuterDisposeScope();
    }
}
