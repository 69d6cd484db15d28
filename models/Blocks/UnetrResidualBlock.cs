using static TorchSharp.torch;

namespace MedSegDsl.Models;

/// <summary>
/// Convolution → norm → activation → convolution → norm, plus the input, then the activation; where the channels change,
/// the input goes through a 1×1×1 convolution and a norm: (B, C, D, H, W) → (B, outputs, D, H, W) (MONAI, UnetResBlock).
/// </summary>
public sealed class UnetrResidualBlock : Layer<Tensor, Tensor>
{
    private const int Kernel = 3;

    private readonly Nested first;
    private readonly Nested second;
    private readonly Nested? shortcut;
    private readonly VolumeNorm firstNorm;
    private readonly VolumeNorm secondNorm;
    private readonly VolumeNorm? shortcutNorm;
    private readonly Activation activation;

    /// <summary>A block with the norm and activation of its network.</summary>
    public UnetrResidualBlock(int inputs, int outputs, Network network) : base(nameof(UnetrResidualBlock))
    {
        activation = network.Activation;
        first = Add("conv1", Convolve(inputs, outputs, Kernel));
        second = Add("conv2", Convolve(outputs, outputs, Kernel));
        firstNorm = Add("norm1", new VolumeNorm(network.Norm, outputs));
        secondNorm = Add("norm2", new VolumeNorm(network.Norm, outputs));
        if (inputs != outputs)
        {
            shortcut = Add("conv3", Convolve(inputs, outputs, 1));
            shortcutNorm = Add("norm3", new VolumeNorm(network.Norm, outputs));
        }
    }

    /// <inheritdoc />
    public override Tensor forward(Tensor volume)
    {
        using var scope = NewDisposeScope();
        var activated = firstNorm.Activated(first.call(volume), activation);
        var skip = shortcut is null || shortcutNorm is null ? volume : shortcutNorm.call(shortcut.call(volume));
        return secondNorm.Activated(second.call(activated), activation, skip).MoveToOuterDisposeScope();
    }

    private static Nested Convolve(int inputs, int outputs, int kernel) =>
        new("conv", Convolution.AsPyTorch(inputs, outputs, kernel, stride: 1, bias: false));
}
