using static TorchSharp.torch;

namespace MedSegDsl.Models;

/// <summary>
/// nnU-Net's convolution block: (B, C, D, H, W) → (B, outputs, D/s, H/s, W/s). The published state dict names its parts a
/// second time, in the list of all modules.
/// </summary>
public sealed class UNetConvBlock : ConvBlock
{
    /// <summary>A block.</summary>
    /// <inheritdoc />
    public UNetConvBlock(
        long inputs, long outputs, Size3 kernel, Size3 stride, Network network, bool bias, bool activated = true, Start? scale = null)
        : base(inputs, outputs, kernel, stride, network, bias, activated, scale) { }

    /// <inheritdoc />
    public override Dictionary<string, Tensor> state_dict(
        Dictionary<string, Tensor>? destination = null, string? prefix = null)
    {
        var state = base.state_dict(destination, prefix);
        SecondNames.Add(state, prefix, "conv", "all_modules.0");
        SecondNames.Add(state, prefix, "norm", "all_modules.1");
        return state;
    }
}
