using MedSegDsl.Kernels;
using static TorchSharp.torch;

namespace MedSegDsl.Models;

/// <summary>
/// The depthwise convolutions of one scan order: (B, D, H, W, C) → (B, S, L, C), where S is the number of scales that stay
/// apart (3 in MSv4, else 1). The convolutions belong to the mixer whose state-dict names they carry.
/// </summary>
/// <param name="causal">The convolution along the tokens, or null.</param>
/// <param name="volumes">The convolutions on the volume, one for each kernel; none beside a causal one.</param>
/// <param name="fusion">What makes one of several scales, or null where they stay apart.</param>
public sealed class ScanConvolutions(
    CausalConvolution1d? causal, IReadOnlyList<DepthwiseConvolution3d> volumes, VolumeFusion? fusion)
{
    /// <summary>Whether every scale is one convolution of the volume and all stay apart.</summary>
    public bool StayApart => causal is null && fusion is null;

    /// <summary>The convolutions on the volume, one for each kernel.</summary>
    public IReadOnlyList<DepthwiseConvolution3d> Volumes => volumes;

    /// <summary>Convolves a volume with channels last.</summary>
    public Tensor Apply(Tensor volume, ScanPath path)
    {
        using var scope = NewDisposeScope();
        return Convolve(volume, path).MoveToOuterDisposeScope();
    }

    private Tensor Convolve(Tensor volume, ScanPath path)
    {
        if (causal is not null)
        {
            return causal.call((volume.flatten(1, 3), path)).unsqueeze(1);
        }

        var scales = volumes.Select(convolution => convolution.call((volume, path)).flatten(1, 3)).ToList();
        return fusion is not null ? fusion.call(scales).unsqueeze(1)
            : scales.Count == 1 ? scales[0].unsqueeze(1)
            : stack(scales, 1);
    }
}
