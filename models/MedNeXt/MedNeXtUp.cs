using static TorchSharp.torch;

namespace MedSegDsl.Models;

/// <summary>
/// MedNeXt's block on the way up, with a transposed 1×1×1 convolution of stride 2 around it: tokens (B, D, H, W, C) →
/// (B, 2·D, 2·H, 2·W, C'). As published, what both make has 2·n − 1 voxels along an axis and a 0 is put before them.
/// </summary>
public sealed class MedNeXtUp : Layer<Tensor, Tensor>
{
    private readonly StridedDepthwise depthwise;
    private readonly MedNeXtPath path;
    private readonly SpreadingConvolution around;

    /// <summary>A block from so many channels to so many.</summary>
    public MedNeXtUp(int inputs, int outputs, MedNeXtBlock block, Network network) : base(nameof(MedNeXtUp))
    {
        depthwise = Add("conv1", new StridedDepthwise(inputs, block.Kernel, transposed: true));
        path = new MedNeXtPath((name, part) => Add(name, part), inputs, outputs, block, network);
        around = Add("res_conv", new SpreadingConvolution(inputs, outputs));
    }

    /// <inheritdoc />
    public override Tensor forward(Tensor tokens)
    {
        using var scope = NewDisposeScope();
        var sum = path.Apply(depthwise.call(tokens)) + around.call(tokens);
        return nn.functional.pad(sum, [0, 0, 1, 0, 1, 0, 1, 0]).MoveToOuterDisposeScope();
    }
}
