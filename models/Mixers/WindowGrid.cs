using TorchSharp;
using static TorchSharp.torch;

namespace MedSegDsl.Models;

/// <summary>
/// How a volume of tokens is cut into windows, as MONAI's SwinUNETR does for any size: along an axis that is not longer than
/// the window there is one window of the axis' length, never shifted; other axes are padded with zeros to a multiple of
/// the window. Shifted windows start half a window further on, and the last one along an axis holds what is left over on
/// both ends.
/// </summary>
public sealed class WindowGrid
{
    /// <summary>What is added to products of tokens that lie apart: after softmax nothing is left of them.</summary>
    private const double Apart = -100;

    private readonly long[] volume;
    private readonly long[] window;
    private readonly long[] shift;
    private readonly long[] counts;

    /// <summary>The windows of a volume.</summary>
    /// <param name="volume">The volume's tokens along each axis.</param>
    /// <param name="window">The window's tokens along each axis.</param>
    /// <param name="shifted">Whether the windows are shifted by half their size.</param>
    public WindowGrid(Size3 volume, Size3 window, bool shifted)
    {
        this.volume = [volume.D, volume.H, volume.W];
        long[] full = [window.D, window.H, window.W];
        this.window = [.. this.volume.Zip(full, Math.Min)];
        shift = [.. this.volume.Zip(full, (n, w) => shifted && n > w ? w / 2 : 0)];
        counts = [.. this.volume.Zip(this.window, (n, w) => (n + w - 1) / w)];
    }

    /// <summary>The tokens of one window.</summary>
    public long Tokens => window[0] * window[1] * window[2];

    /// <summary>Whether the windows are shifted along an axis (0, 1, 2).</summary>
    public bool IsShifted(int axis) => shift[axis] > 0;

    /// <summary>Tokens (B, D, H, W, C) → windows (B, windows along D, H, W, tokens of a window, C).</summary>
    public Tensor Partition(Tensor tokens)
    {
        using var scope = NewDisposeScope();
        var padding = counts.Select((count, axis) => count * window[axis] - volume[axis]).ToArray();
        var padded = padding.All(n => n == 0)
            ? tokens
            : nn.functional.pad(tokens, [0, 0, 0, padding[2], 0, padding[1], 0, padding[0]]);
        var rolled = Roll(padded, forward: false);
        long[] split = [
            tokens.shape[0], counts[0], window[0], counts[1], window[1], counts[2], window[2], tokens.shape[^1]];
        var windows = rolled.reshape(split).permute(0, 1, 3, 5, 2, 4, 6, 7);
        return windows.reshape(split[0], counts[0], counts[1], counts[2], Tokens, split[^1]).MoveToOuterDisposeScope();
    }

    /// <summary>The inverse of <see cref="Partition"/>, without the padding.</summary>
    public Tensor Join(Tensor windows)
    {
        using var scope = NewDisposeScope();
        var (batch, channels) = (windows.shape[0], windows.shape[^1]);
        var split = windows.reshape(
            batch, counts[0], counts[1], counts[2], window[0], window[1], window[2], channels);
        long[] padded = [.. counts.Zip(window, (count, w) => count * w)];
        var joined = split.permute(0, 1, 4, 2, 5, 3, 6, 7).reshape(batch, padded[0], padded[1], padded[2], channels);
        var tokens = Roll(joined, forward: true);
        for (var axis = 0; axis < 3; axis++)
        {
            tokens = tokens.narrow(axis + 1, 0, volume[axis]);
        }

        return tokens.contiguous().MoveToOuterDisposeScope();
    }

    /// <summary>
    /// What keeps apart, in a window that is the last one along the named axes, the tokens that come from different ends
    /// of the volume: (N, N), 0 where two tokens may see each other.
    /// </summary>
    public Tensor Mask(IReadOnlyList<bool> last, torch.Device device)
    {
        using var scope = NewDisposeScope();
        var region = zeros(window, ScalarType.Int64, device);
        for (var axis = 0; axis < 3; axis++)
        {
            if (last[axis])
            {
                long[] alongAxis = [1, 1, 1];
                alongAxis[axis] = window[axis];
                var wrapped = arange(window[axis], device: device).ge(window[axis] - shift[axis]).reshape(alongAxis);
                region = region * 2 + wrapped.to(ScalarType.Int64);
            }
        }

        var flat = region.flatten();
        var apart = flat.unsqueeze(0).not_equal(flat.unsqueeze(1));
        return (apart.to(ScalarType.Float32) * Apart).MoveToOuterDisposeScope();
    }

    private Tensor Roll(Tensor tokens, bool forward) =>
        shift.All(s => s == 0)
            ? tokens
            : tokens.roll([.. shift.Select(s => forward ? s : -s)], [1, 2, 3]);
}
