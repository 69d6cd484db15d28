using static TorchSharp.torch;

namespace MedSegDsl.Models;

/// <summary>
/// The norms between the stages of a pyramid, (B, C, D, H, W) → (B, C, D, H, W): over a voxel's channels with learned scale
/// and shift (3D UX-Net), or over a channel's voxels without (SegMamba).
/// </summary>
public sealed class PyramidNormalisation : Layer<Tensor, Tensor>
{
    private const double LayerEpsilon = 1e-6;

    private readonly VolumeNorm? overVoxels;
    private readonly long[] shape;

    /// <summary>A norm of so many channels.</summary>
    public PyramidNormalisation(PyramidNorm norm, int channels) : base(nameof(PyramidNormalisation))
    {
        shape = [channels];
        if (norm.IsLayer)
        {
            AddParameter("weight", Start.One, channels);
            AddParameter("bias", Start.Zero, channels);
        }
        else
        {
            overVoxels = new VolumeNorm(Norm.PlainInstance, channels);
        }
    }

    /// <inheritdoc />
    public override Tensor forward(Tensor volume)
    {
        using var scope = NewDisposeScope();
        var normed = overVoxels?.call(volume) ?? Axes.ToVolume(nn.functional.layer_norm(
            Axes.ToTokens(volume), shape, Get("weight", volume), Get("bias", volume), LayerEpsilon));
        return normed.MoveToOuterDisposeScope();
    }
}
