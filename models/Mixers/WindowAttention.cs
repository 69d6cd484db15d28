using static TorchSharp.torch;

namespace MedSegDsl.Models;

/// <summary>
/// Multi-head attention inside windows, with a learned bias for each offset between two tokens of a window and each head
/// (Swin Transformer, Liu et al. 2021; MONAI, WindowAttention): (B, D, H, W, C) → (B, D, H, W, C).
/// </summary>
public sealed class WindowAttention : Layer<Tensor, Tensor>
{
    private readonly int heads;
    private readonly Size3 window;
    private readonly bool shifted;
    private readonly double dropout;
    private readonly Linear projections;
    private readonly Linear output;

    /// <summary>Attention over so many channels, which the heads must divide.</summary>
    public WindowAttention(int channels, SwinMixer mixer, bool shifted) : base(nameof(WindowAttention))
    {
        (heads, window, dropout) = (mixer.Heads, mixer.Window, mixer.Dropout);
        this.shifted = shifted;
        AddParameter("relative_position_bias_table", Start.SmallNormal, OffsetCount(window), heads);
        AddBuffer("relative_position_index", OffsetIndex(window));
        projections = Add("qkv", Linear.AsPyTorch(channels, 3 * channels, mixer.QkvBias));
        output = Add("proj", Linear.AsPyTorch(channels, channels, bias: true));
    }

    /// <inheritdoc />
    public override Tensor forward(Tensor tokens)
    {
        using var scope = NewDisposeScope();
        var grid = new WindowGrid(Axes.SizeOf(Axes.ToVolume(tokens)), window, shifted);
        var qkv = projections.call(grid.Partition(tokens));
        var attended = Attend(qkv, Bias(grid.Tokens), grid, []);
        var projected = RandomDrops.Numbers(output.call(attended), dropout, training);
        return grid.Join(projected).MoveToOuterDisposeScope();
    }

    /// <summary>
    /// Attention in windows (B, D', H', W', N, 3·C). Only the last window along a shifted axis needs a mask, so the
    /// windows go through attention in up to eight groups, by the axes along which they are last.
    /// </summary>
    private Tensor Attend(Tensor qkv, Tensor bias, WindowGrid grid, IReadOnlyList<bool> last)
    {
        using var scope = NewDisposeScope();
        var axis = last.Count;
        if (axis == 3)
        {
            var masked = last.Any(isLast => isLast) ? bias + grid.Mask(last, bias.device) : bias;
            var shape = qkv.shape;
            var attended = MultiHead.Attend(
                qkv.flatten(0, 3), heads, Cast(masked, qkv.dtype), training ? dropout : 0);
            return attended.view(shape[0], shape[1], shape[2], shape[3], shape[4], -1).MoveToOuterDisposeScope();
        }

        if (!grid.IsShifted(axis))
        {
            return Attend(qkv, bias, grid, [.. last, false]).MoveToOuterDisposeScope();
        }

        var inner = qkv.shape[axis + 1] - 1;
        var first = Attend(qkv.narrow(axis + 1, 0, inner), bias, grid, [.. last, false]);
        var end = Attend(qkv.narrow(axis + 1, inner, 1), bias, grid, [.. last, true]);
        return cat([first, end], axis + 1).MoveToOuterDisposeScope();
    }

    /// <summary>
    /// The bias (heads, N, N). As in MONAI, a window that the volume has made smaller takes the first N rows and columns of
    /// the full window's index.
    /// </summary>
    private Tensor Bias(long tokens)
    {
        using var scope = NewDisposeScope();
        var index = Buffer("relative_position_index").narrow(0, 0, tokens).narrow(1, 0, tokens).reshape(-1);
        var table = Get("relative_position_bias_table");
        return table.index_select(0, index).view(tokens, tokens, heads).permute(2, 0, 1).MoveToOuterDisposeScope();
    }

    private static long OffsetCount(Size3 window) =>
        (2L * window.D - 1) * (2L * window.H - 1) * (2L * window.W - 1);

    /// <summary>The row of the table for each pair of a window's tokens, in row-major order (N, N).</summary>
    private static Tensor OffsetIndex(Size3 window)
    {
        using var scope = NewDisposeScope();
        long[] sizes = [window.D, window.H, window.W];
        var index = zeros([1, 1], ScalarType.Int64);
        foreach (var size in sizes)
        {
            // One axis more: every token of the coarser axes becomes `size` tokens.
            var along = arange(size);
            var offset = along.unsqueeze(1) - along.unsqueeze(0) + (size - 1);
            var coarse = index.repeat_interleave(size, 0).repeat_interleave(size, 1);
            index = coarse * (2 * size - 1) + offset.repeat(index.shape[0], index.shape[1]);
        }

        return index.MoveToOuterDisposeScope();
    }
}
