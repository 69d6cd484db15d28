using static TorchSharp.torch;

namespace MedSegDsl.Models;

/// <summary>
/// Multi-head attention inside windows, with a learned bias for each offset between two tokens of a window and each head
/// (Swin Transformer, Liu et al. 2021); where queries, keys and values come from is for others to say.
/// </summary>
public abstract class WindowedAttention<TInput> : Layer<TInput, Tensor>
{
    private const string Table = "relative_position_bias_table";
    private const string Index = "relative_position_index";

    private readonly SwinMixer mixer;
    private readonly bool shifted;
    private readonly Linear output;

    /// <summary>Attention over so many channels, which the heads must divide.</summary>
    protected WindowedAttention(string name, int channels, SwinMixer mixer, bool shifted) : base(name)
    {
        (this.mixer, this.shifted) = (mixer, shifted);
        var (d, h, w) = (2L * mixer.Window.D - 1, 2L * mixer.Window.H - 1, 2L * mixer.Window.W - 1);
        AddParameter(Table, Start.SmallNormal, d * h * w, mixer.Heads);
        AddBuffer(Index, OffsetIndex(mixer.Window, mixer.Code));
        output = Add("proj", Linear.AsPyTorch(channels, channels, bias: true));
    }

    /// <summary>The windows of a volume of tokens (B, D, H, W, C).</summary>
    protected WindowGrid GridOf(Tensor tokens) => new(Axes.SizeOf(Axes.ToVolume(tokens)), mixer.Window, shifted);

    /// <summary>
    /// Queries, keys and values in windows (B, windows along D, H, W, tokens of a window, 3·C) → tokens (B, D, H, W, C).
    /// </summary>
    protected Tensor Attend(Tensor qkv, WindowGrid grid)
    {
        using var scope = NewDisposeScope();
        var attended = output.call(Attend(qkv, Bias(grid.Tokens), grid, []));
        return grid.Join(RandomDrops.Numbers(attended, mixer.Dropout, training)).MoveToOuterDisposeScope();
    }

    /// <summary>
    /// Only the last window along a shifted axis needs a mask, so the windows go through attention in up to eight groups,
    /// by the axes along which they are last.
    /// </summary>
    private Tensor Attend(Tensor qkv, Tensor bias, WindowGrid grid, IReadOnlyList<bool> last)
    {
        using var scope = NewDisposeScope();
        var axis = last.Count;
        if (axis == 3)
        {
            var masked = last.Any(isLast => isLast) ? bias + grid.Mask(last, bias.device) : bias;
            var attended = MultiHead.Attend(
                qkv.flatten(0, 3), mixer.Heads, Cast(masked, qkv.dtype), training ? mixer.Dropout : 0);
            return attended.view([.. qkv.shape[..5], -1]).MoveToOuterDisposeScope();
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
        var rows = Buffer(Index).narrow(0, 0, tokens).narrow(1, 0, tokens).reshape(-1);
        return Get(Table).index_select(0, rows).view(tokens, tokens, mixer.Heads).permute(2, 0, 1)
            .MoveToOuterDisposeScope();
    }

    /// <summary>The table's row for each pair of a window's tokens, in row-major order (N, N).</summary>
    private static Tensor OffsetIndex(Size3 window, SwinCode code)
    {
        using var scope = NewDisposeScope();
        var (d, h) = code.IsMonai
            ? ((2 * window.H - 1) * (2 * window.W - 1), 2 * window.W - 1)
            : (3 * window.H - 1, 2 * window.H - 1);
        var index = Offsets(window, window.D, [-1, 1, 1]) * d
            + Offsets(window, window.H, [1, -1, 1]) * h
            + Offsets(window, window.W, [1, 1, -1]);
        return index.MoveToOuterDisposeScope();
    }

    /// <summary>How far apart two tokens of a window lie along one axis, counted from 0 (N, N).</summary>
    private static Tensor Offsets(Size3 window, int length, long[] alongAxis)
    {
        var place = arange(length).view(alongAxis).expand(window.D, window.H, window.W).reshape(-1);
        return place.unsqueeze(1) - place.unsqueeze(0) + (length - 1);
    }
}
