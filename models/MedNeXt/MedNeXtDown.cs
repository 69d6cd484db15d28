using static TorchSharp.torch;

namespace MedSegDsl.Models;

/// <summary>
/// MedNeXt's block on the way down, with a 1×1×1 convolution of stride 2 around it: tokens (B, D, H, W, C) →
/// (B, ⌈D/2⌉, ⌈H/2⌉, ⌈W/2⌉, C').
/// </summary>
public sealed class MedNeXtDown : Layer<Tensor, Tensor>
{
    private readonly StridedDepthwise depthwise;
    private readonly MedNeXtPath path;
    private readonly PointwiseConvolution around;

    /// <summary>A block from so many channels to so many.</summary>
    public MedNeXtDown(int inputs, int outputs, MedNeXtBlock block, Network network) : base(nameof(MedNeXtDown))
    {
        depthwise = Add("conv1", new StridedDepthwise(inputs, block.Kernel, transposed: false));
        path = new MedNeXtPath((name, part) => Add(name, part), inputs, outputs, block, network);
        around = Add("res_conv", new PointwiseConvolution(inputs, outputs));
    }

    /// <inheritdoc />
    public override Tensor forward(Tensor tokens)
    {
        using var scope = NewDisposeScope();
        var every = TensorIndex.Slice(step: 2);
        var kept = tokens[TensorIndex.Colon, every, every, every];
        return (path.Apply(depthwise.call(tokens)) + around.call(kept)).MoveToOuterDisposeScope();
    }
}
