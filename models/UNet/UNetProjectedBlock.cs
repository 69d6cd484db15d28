using static TorchSharp.torch;

namespace MedSegDsl.Models;

/// <summary>
/// Two convolutions with norms, the first with an activation, a strided 1×1×1 convolution around both, activation:
/// (B, C, D, H, W) → (B, outputs, D/s, H/s, W/s) (BasicResBlock of bowang-lab/U-Mamba).
/// </summary>
public sealed class UNetProjectedBlock : Layer<Tensor, Tensor>
{
    private readonly Convolution first;
    private readonly VolumeNorm firstNorm;
    private readonly Convolution second;
    private readonly VolumeNorm secondNorm;
    private readonly Convolution skip;
    private readonly Activation activation;

    /// <summary>A block in its place.</summary>
    public UNetProjectedBlock(UNetBlock block, Network network) : base(nameof(UNetProjectedBlock))
    {
        var one = new Size3(1, 1, 1);
        var (inputs, outputs) = (block.Inputs, block.Output.Channels);
        var start = ConvolutionStart.Of(network);
        var bias = network.HasBlockBias;
        first = Add("conv1", new Convolution(inputs, outputs, block.Kernel, block.Stride, bias, start: start));
        firstNorm = Add("norm1", new VolumeNorm(network.Norm, outputs));
        second = Add("conv2", new Convolution(outputs, outputs, block.Kernel, one, bias, start: start));
        secondNorm = Add("norm2", new VolumeNorm(network.Norm, outputs));
        skip = Add("conv3", new Convolution(inputs, outputs, one, block.Stride, bias: true, start: start));
        activation = network.Activation;
    }

    /// <inheritdoc />
    public override Tensor forward(Tensor volume)
    {
        using var scope = NewDisposeScope();
        var inside = firstNorm.After(first, volume, activation);
        return secondNorm.After(second, inside, activation, skip.call(volume)).MoveToOuterDisposeScope();
    }
}
