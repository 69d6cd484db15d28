using static TorchSharp.torch;

namespace MedSegDsl.Models;

/// <summary>One convolution block in front of a stage: volume (B, C, D, H, W) → tokens (B, D', H', W', C').</summary>
public sealed class ConvolutionEmbedding : Layer<Tensor, Tensor>
{
    private readonly ConvBlock block;

    /// <summary>An embedding of one kernel.</summary>
    public ConvolutionEmbedding(int inputs, EncoderStage stage, int kernel, Network network)
        : base(nameof(ConvolutionEmbedding)) =>
        block = Add("proj", new ConvBlock(inputs, stage.Channels, kernel, stage.Stride, network));

    /// <inheritdoc />
    public override Tensor forward(Tensor volume)
    {
        using var scope = NewDisposeScope();
        return Axes.ToTokens(block.call(volume)).MoveToOuterDisposeScope();
    }
}
