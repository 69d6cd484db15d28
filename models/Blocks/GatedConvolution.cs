using static TorchSharp.torch;

namespace MedSegDsl.Models;

/// <summary>
/// Two 3×3×3 convolutions beside one of 1×1×1, their sum through another 1×1×1, the input added: (B, C, D, H, W) →
/// (B, C, D, H, W); an instance norm and a ReLU follow each convolution (SegMamba, Xing et al. 2024, the gated spatial
/// convolution, GSC; the paper multiplies the two branches, the public code, and so this, adds them).
/// </summary>
public sealed class GatedConvolution : Layer<Tensor, Tensor>
{
    private readonly Convolution first;
    private readonly Convolution second;
    private readonly Convolution pointwise;
    private readonly Convolution joined;
    private readonly VolumeNorm norm;

    /// <summary>A block over so many channels.</summary>
    public GatedConvolution(int channels) : base(nameof(GatedConvolution))
    {
        Convolution Convolve(string name, int kernel) =>
            Add(name, Convolution.AsPyTorch(channels, channels, kernel, stride: 1, bias: true));

        first = Convolve("proj", 3);
        second = Convolve("proj2", 3);
        pointwise = Convolve("proj3", 1);
        joined = Convolve("proj4", 1);
        norm = new VolumeNorm(Norm.PlainInstance, channels);
    }

    /// <inheritdoc />
    public override Tensor forward(Tensor volume)
    {
        using var scope = NewDisposeScope();
        var wide = Rectify(second, Rectify(first, volume));
        var narrow = Rectify(pointwise, volume);
        return (Rectify(joined, wide + narrow) + volume).MoveToOuterDisposeScope();
    }

    private Tensor Rectify(Convolution convolution, Tensor volume) => norm.After(convolution, volume, Activation.ReLU);
}
