using static TorchSharp.torch;

namespace MedSegDsl.Models;

/// <summary>
/// x + mixer(LN(x)): tokens (B, D, H, W, C) → (B, D, H, W, C) (SegMamba, Xing et al. 2024, the tri-orientated Mamba; started
/// as state-spaces/mamba does).
/// </summary>
public sealed class SegMambaLayer : TokenLayer
{
    private const double NormEpsilon = 1e-5;

    private readonly LayerNorm norm;
    private readonly ScanMixer mixer;

    /// <summary>A layer over so many channels.</summary>
    public SegMambaLayer(int channels, MambaMixer mixer) : base(nameof(SegMambaLayer))
    {
        norm = Add("norm", new LayerNorm(channels, NormEpsilon));
        this.mixer = Add("mamba", new ScanMixer(channels, mixer, ScanStart.StateSpaces, ScanNames.SegMamba));
    }

    /// <inheritdoc />
    public override Tensor forward(Tensor tokens)
    {
        using var scope = NewDisposeScope();
        return (tokens + mixer.call(norm.call(tokens))).MoveToOuterDisposeScope();
    }
}
