using static TorchSharp.torch;

namespace MedSegDsl.Models;

/// <summary>
/// Two convolution blocks, the second without activation, a skip around both, activation: (B, C, D, H, W) →
/// (B, outputs, D/s, H/s, W/s). The skip is average pooling by the stride, then a 1×1×1 convolution without bias and a norm
/// where the channels change (ResNet-D; BasicBlockD of MIC-DKFZ/dynamic-network-architectures).
/// </summary>
public sealed class UNetResidualBlock : Layer<Tensor, Tensor>
{
    private readonly UNetConvBlock first;
    private readonly UNetConvBlock second;
    private readonly UNetConvBlock? projection;
    private readonly long[]? pooling;
    private readonly Activation activation;

    /// <summary>A block in its place.</summary>
    /// <param name="block">Its channels, kernel and stride.</param>
    /// <param name="network">Its norm, activation and initialisation.</param>
    /// <param name="startsAsSkip">Whether the last norm starts with scale 0, so that the block starts as its skip.</param>
    public UNetResidualBlock(UNetBlock block, Network network, bool startsAsSkip) : base(nameof(UNetResidualBlock))
    {
        var one = new Size3(1, 1, 1);
        var (inputs, outputs) = (block.Inputs, block.Output.Channels);
        var stride = block.Stride;
        var bias = network.HasBlockBias;
        first = Add("conv1", new UNetConvBlock(inputs, outputs, block.Kernel, stride, network, bias));
        second = Add("conv2", new UNetConvBlock(
            outputs, outputs, block.Kernel, one, network, bias, activated: false, scale: startsAsSkip ? Start.Zero : null));
        pooling = stride.Equals(one) ? null : [stride.D, stride.H, stride.W];
        projection = inputs == outputs ? null : AddAt(
            $"skip.{(pooling is null ? 0 : 1)}",
            new UNetConvBlock(inputs, outputs, one, one, network, bias: false, activated: false));
        activation = network.Activation;
    }

    /// <inheritdoc />
    public override Tensor forward(Tensor volume)
    {
        using var scope = NewDisposeScope();
        var skip = pooling is null ? volume : nn.functional.avg_pool3d(volume, pooling, pooling);
        skip = projection?.call(skip) ?? skip;
        return second.WithSkip(first.call(volume), skip, activation).MoveToOuterDisposeScope();
    }
}
