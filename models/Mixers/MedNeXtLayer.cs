using static TorchSharp.torch;

namespace MedSegDsl.Models;

/// <summary>
/// MedNeXt's block at one resolution (Roy et al., MICCAI 2023; MIC-DKFZ/MedNeXt): tokens (B, D, H, W, C) → (B, D, H, W, C).
/// </summary>
public sealed class MedNeXtLayer : TokenLayer
{
    private readonly DepthwiseConvolution3d depthwise;
    private readonly MedNeXtPath path;

    /// <summary>A block over so many channels.</summary>
    public MedNeXtLayer(int channels, MedNeXtBlock block, Network network) : base(nameof(MedNeXtLayer))
    {
        var start = MedNeXtPath.DepthwiseStart(block.Kernel);
        depthwise = Add("conv1", new DepthwiseConvolution3d(channels, block.Kernel, start, start));
        path = new MedNeXtPath((name, part) => Add(name, part), channels, channels, block, network);
    }

    /// <inheritdoc />
    public override Tensor forward(Tensor tokens)
    {
        using var scope = NewDisposeScope();
        return (tokens + path.Apply(depthwise.Convolve(tokens))).MoveToOuterDisposeScope();
    }
}
