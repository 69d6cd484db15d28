using static TorchSharp.torch;

namespace MedSegDsl.Models;

/// <summary>
/// mixer(LN(x)) on a volume (B, C, D, H, W), without a skip (MambaLayer of bowang-lab/U-Mamba). Tokens are voxels with C
/// features, or channels with D·H·W features.
/// </summary>
public sealed class UMambaLayer : VolumeLayer
{
    private const double NormEpsilon = 1e-5;

    private readonly LayerNorm norm;
    private readonly ScanMixer mixer;
    private readonly long? features;

    /// <summary>A layer on volumes of a shape; where channels are tokens, of this shape alone.</summary>
    public UMambaLayer(VolumeShape volume, UMambaMixer mixer) : base(nameof(UMambaLayer))
    {
        var tokens = UMambaMixerModule.tokens(mixer, volume);
        features = UMambaMixerModule.hasChannelTokens(mixer, volume) ? tokens.Channels : null;
        norm = Add("norm", new LayerNorm(tokens.Channels, NormEpsilon));
        this.mixer = Add("mamba", new ScanMixer(tokens.Channels, mixer.Mamba, ScanStart.StateSpaces));
    }

    /// <inheritdoc />
    /// <exception cref="ModelException">Channels are tokens, and the volume has another number of voxels.</exception>
    public override Tensor forward(Tensor volume)
    {
        using var scope = NewDisposeScope();
        return (features is { } voxels ? OverChannels(volume, voxels) : OverVoxels(volume)).MoveToOuterDisposeScope();
    }

    private Tensor OverVoxels(Tensor volume) => Axes.ToVolume(Mix(Axes.ToTokens(volume)));

    private Tensor OverChannels(Tensor volume, long voxels)
    {
        var (batch, channels, size) = (volume.shape[0], volume.shape[1], Axes.SizeOf(volume));
        if (size.Volume != voxels)
        {
            throw new ModelException(
                $"a layer whose tokens are channels was built for {voxels} voxels and gets a volume of {size}: "
                + "such a network takes its own patch size alone");
        }

        return Mix(volume.reshape(batch, 1, 1, channels, voxels)).view(volume.shape);
    }

    private Tensor Mix(Tensor tokens) => mixer.call(norm.call(tokens));
}
