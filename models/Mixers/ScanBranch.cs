using MedSegDsl.Kernels;
using static TorchSharp.torch;

namespace MedSegDsl.Models;

/// <summary>One order of a Mamba mixer's scan: its convolutions, SiLU, and its pass of the selective scan.</summary>
/// <param name="order">The order in which the tokens are read.</param>
/// <param name="convolutions">The order's own convolutions.</param>
/// <param name="space">The state-space model, its own or one that it shares.</param>
public sealed class ScanBranch(ScanOrder order, ScanConvolutions convolutions, StateSpace space)
{
    // Volumes mostly come in one size, and a path is worth keeping: a random one is a permutation of all tokens.
    private ScanPath? lastPath;

    /// <summary>The model that other orders may share.</summary>
    public StateSpace Space => space;

    /// <summary>Whether the branch is convolutions of the volume, side by side, and a scan.</summary>
    public bool IsPlain => convolutions.StayApart;

    /// <summary>The branch as an operator takes it that scans several orders at once.</summary>
    public MixerOrder OrderFor(Size3 size) => new(
        PathFor(size),
        [.. convolutions.Volumes.Select(convolution => convolution.Weight)],
        [.. convolutions.Volumes.Select(convolution => convolution.Bias)]);

    /// <summary>Convolves x (B, D, H, W, C) and scans it, gated by SiLU of z (B, L, C).</summary>
    /// <returns>(B, S, L, C), where S is the number of scales that stay apart.</returns>
    public Tensor Scan(Tensor x, Tensor gate, Size3 size)
    {
        using var scope = NewDisposeScope();
        var path = PathFor(size);
        var activated = nn.functional.silu(convolutions.Apply(x, path));
        return space.Scan(activated, gate, path).MoveToOuterDisposeScope();
    }

    private ScanPath PathFor(Size3 size)
    {
        var path = lastPath;
        if (path is null || !path.Sizes.SequenceEqual([size.D, size.H, size.W]))
        {
            lastPath = path = ScanPaths.Of(order, size);
        }

        return path;
    }
}
