using static TorchSharp.torch;

namespace MedSegDsl.Models;

/// <summary>x + mixer(RMSNorm(x)): tokens (B, D, H, W, C) → (B, D, H, W, C).</summary>
public sealed class MambaLayer : TokenLayer
{
    private readonly ScanMixer mixer;
    private readonly RmsNorm norm;

    /// <summary>A Mamba layer over so many channels.</summary>
    public MambaLayer(int channels, MambaMixer mixer, Initialisation initialisation) : base(nameof(MambaLayer))
    {
        this.mixer = Add("mixer", new ScanMixer(channels, mixer, ScanStart.Of(initialisation)));
        norm = Add("norm", new RmsNorm(channels));
    }

    /// <inheritdoc />
    public override Tensor forward(Tensor tokens)
    {
        using var scope = NewDisposeScope();
        return (tokens + mixer.call(norm.call(tokens))).MoveToOuterDisposeScope();
    }
}
