using static TorchSharp.torch;

namespace MedSegDsl.Models;

/// <summary>
/// The sizes of volumes whose tokens lie end to end in one sequence (B, L, C), each row-major: what deformable attention
/// must know of where a token lies.
/// </summary>
/// <param name="Sizes">The size of each volume.</param>
public sealed record LevelGrid(IReadOnlyList<Size3> Sizes)
{
    /// <summary>The volume (B, C, D, H, W) of a level, a view of the tokens (B, L, C).</summary>
    public Tensor Volume(Tensor tokens, int level)
    {
        using var scope = NewDisposeScope();
        var size = Sizes[level];
        var start = Sizes.Take(level).Sum(before => before.Volume);
        var own = tokens.narrow(1, start, size.Volume);
        return Axes.ToVolume(own.view(own.shape[0], size.D, size.H, size.W, own.shape[2])).MoveToOuterDisposeScope();
    }

    /// <summary>
    /// The middle of every token as a share of its volume's axes, in the order of the axes, (L, 3), with the element type and
    /// device of another tensor.
    /// </summary>
    public Tensor Centres(SamplingAxes axes, Tensor like)
    {
        using var scope = NewDisposeScope();
        var all = Sizes.Select(size =>
        {
            Tensor Middles(int length) => (arange(length, like.dtype, like.device) + 0.5) / length;
            var shape = new long[] { size.D, size.H, size.W };
            Tensor[] each =
            [
                Middles(size.D).view(-1, 1, 1).expand(shape),
                Middles(size.H).view(1, -1, 1).expand(shape),
                Middles(size.W).view(1, 1, -1).expand(shape),
            ];
            return stack(Order(axes).Select(axis => each[axis].flatten()), -1);
        });
        return cat([.. all], 0).MoveToOuterDisposeScope();
    }

    /// <summary>The voxels of a level along its axes, in their order, (3).</summary>
    public Tensor Lengths(int level, SamplingAxes axes, Tensor like)
    {
        var size = Sizes[level];
        int[] each = [size.D, size.H, size.W];
        return tensor(Order(axes).Select(axis => (float)each[axis]).ToArray(), like.dtype, like.device);
    }

    /// <summary>
    /// The axes (0 = D, 1 = H, 2 = W) of a place's three numbers, which sampling reads as W, H, D. The published code writes
    /// D, W, H: it looks along H for what it means by W, and so on.
    /// </summary>
    private static int[] Order(SamplingAxes axes) => axes.IsAsPublished ? [0, 2, 1] : [2, 1, 0];
}
