using MedSegDsl.Kernels;
using static TorchSharp.torch;

namespace MedSegDsl.Models;

/// <summary>
/// A depthwise convolution along the tokens in the order in which a scan reads them, each token seeing itself and those
/// before: (B, L, C) → (B, L, C), every result at its token's own place.
/// </summary>
public sealed class CausalConvolution1d : Layer<(Tensor Tokens, ScanPath Path), Tensor>
{
    /// <summary>A convolution with weight (C, 1, kernel) and bias (C).</summary>
    public CausalConvolution1d(int channels, int kernel) : base(nameof(CausalConvolution1d))
    {
        // PyTorch's default: the public code starts its 3D convolutions its own way and leaves this one.
        AddParameter("weight", Start.InverseRoot(kernel), channels, 1, kernel);
        AddParameter("bias", Start.InverseRoot(kernel), channels);
    }

    /// <inheritdoc />
    public override Tensor forward((Tensor Tokens, ScanPath Path) input) =>
        CausalConv1d.Apply(input.Tokens, Get("weight", input.Tokens), Get("bias", input.Tokens), input.Path);
}
