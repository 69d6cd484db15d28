using static TorchSharp.torch;

namespace MedSegDsl.Models;

/// <summary>
/// The depthwise convolution of a block that changes the resolution, same padding, stride 2: tokens (B, D, H, W, C) →
/// (B, ⌈D/2⌉, ⌈H/2⌉, ⌈W/2⌉, C), or transposed → (B, 2·D − 1, 2·H − 1, 2·W − 1, C).
/// </summary>
public sealed class StridedDepthwise : Layer<Tensor, Tensor>
{
    private static readonly long[] Strides = [2, 2, 2];

    private readonly int channels;
    private readonly bool transposed;
    private readonly long[] paddings;

    /// <summary>A convolution with weight (C, 1, kernel, kernel, kernel) and bias (C).</summary>
    public StridedDepthwise(int channels, int kernel, bool transposed) : base(nameof(StridedDepthwise))
    {
        (this.channels, this.transposed) = (channels, transposed);
        paddings = [kernel / 2, kernel / 2, kernel / 2];
        var start = MedNeXtPath.DepthwiseStart(kernel);
        AddParameter("weight", start, channels, 1, kernel, kernel, kernel);
        AddParameter("bias", start, channels);
    }

    /// <inheritdoc />
    public override Tensor forward(Tensor tokens)
    {
        using var scope = NewDisposeScope();
        var (volume, weight, bias) = (Axes.ToVolume(tokens), Get("weight", tokens), Get("bias", tokens));
        var convolved = transposed
            ? nn.functional.conv_transpose3d(volume, weight, bias, strides: Strides, padding: paddings, groups: channels)
            : nn.functional.conv3d(volume, weight, bias, strides: Strides, padding: paddings, groups: channels);
        return Axes.ToTokens(convolved).MoveToOuterDisposeScope();
    }
}
