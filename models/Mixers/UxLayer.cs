using MedSegDsl.Kernels;
using static TorchSharp.torch;

namespace MedSegDsl.Models;

/// <summary>
/// x + γ · (depthwise convolution → LN → every channel widened on its own → GELU → narrowed): tokens (B, D, H, W, C) →
/// (B, D, H, W, C) (3D UX-Net, Lee et al. 2023; MASILab/3DUX-Net, uxnet_encoder).
/// </summary>
public sealed class UxLayer : TokenLayer
{
    private const double NormEpsilon = 1e-6;

    private readonly DepthwiseConvolution3d convolution;
    private readonly LayerNorm norm;
    private readonly ChannelWidening widen;
    private readonly ChannelNarrowing narrow;
    private readonly double dropPath;

    /// <summary>Layer <paramref name="index"/>, from 0, of a stage of so many channels.</summary>
    public UxLayer(int channels, UxMixer mixer, int index) : base(nameof(UxLayer))
    {
        convolution = Add("dwconv", DepthwiseConvolution3d.AsPyTorch(channels, mixer.Kernel));
        norm = Add("norm", new LayerNorm(channels, NormEpsilon));
        widen = Add("pwconv1", new ChannelWidening(channels, mixer.Expansion));
        narrow = Add("pwconv2", new ChannelNarrowing(channels, mixer.Expansion));
        AddParameter("gamma", new Start.Constant(mixer.LayerScale), channels);
        dropPath = DropPathModule.rate(index, mixer.DropPath);
    }

    /// <inheritdoc />
    public override Tensor forward(Tensor tokens)
    {
        using var scope = NewDisposeScope();
        var size = Axes.SizeOf(Axes.ToVolume(tokens));
        var convolved = convolution.call((tokens, ScanPath.Forward(size.D, size.H, size.W)));
        var hidden = nn.functional.gelu(widen.call(norm.call(convolved)));
        var branch = narrow.call(hidden) * Get("gamma", tokens);
        return (tokens + RandomDrops.Branch(branch, dropPath, training)).MoveToOuterDisposeScope();
    }
}
