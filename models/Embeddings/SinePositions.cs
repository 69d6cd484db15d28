using static TorchSharp.torch;

namespace MedSegDsl.Models;

/// <summary>
/// Position encodings without parameters (Carion et al., DETR, brought to three axes in CoTr's position_encoding): a third of
/// the channels for each axis, sines and cosines in turn.
/// </summary>
public static class SinePositions
{
    private const double Temperature = 10000;
    private const double Epsilon = 1e-6;

    /// <summary>The encodings of a grid (D, H, W), as (D, H, W, channels) with the element type and device of another tensor.</summary>
    public static Tensor Of(Size3 size, int channels, Tensor like)
    {
        using var scope = NewDisposeScope();
        var third = channels / 3;
        var depth = Axis(size.D, third, like).view(size.D, 1, 1, -1).expand(size.D, size.H, size.W, -1);
        var height = Axis(size.H, third, like).view(1, size.H, 1, -1).expand(size.D, size.H, size.W, -1);
        var width = Axis(size.W, channels - 2 * third, like).view(1, 1, size.W, -1).expand(size.D, size.H, size.W, -1);
        return cat([depth, height, width], -1).MoveToOuterDisposeScope();
    }

    /// <summary>(length, channels): the positions' middles as shares of a full turn, at a frequency for each three channels.</summary>
    private static Tensor Axis(int length, int channels, Tensor like)
    {
        var turns = (arange(length, like.dtype, like.device) + 0.5) * (2 * Math.PI / (length + Epsilon));
        var channel = arange(channels, like.dtype, like.device);
        var exponents = (channel / 3).floor() * (3.0 * Math.Log(Temperature) / channels);
        var angles = turns.unsqueeze(1) / exponents.exp();
        return where(channel.remainder(2) == 0, angles.sin(), angles.cos());
    }
}
