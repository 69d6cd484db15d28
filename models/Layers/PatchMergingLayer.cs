using static TorchSharp.torch;

namespace MedSegDsl.Models;

/// <summary>
/// Half the resolution, twice the channels: eight neighbours side by side, LN, a linear layer: tokens (B, D, H, W, C) →
/// (B, ⌈D/2⌉, ⌈H/2⌉, ⌈W/2⌉, 2·C), an odd axis padded with zeros (Swin Transformer; MONAI, PatchMerging).
/// </summary>
public sealed class PatchMergingLayer : Layer<Tensor, Tensor>
{
    private const double NormEpsilon = 1e-5;
    private const int Neighbours = 8;

    private readonly IReadOnlyList<(int D, int H, int W)> offsets;
    private readonly Linear reduction;
    private readonly LayerNorm norm;

    /// <summary>A layer over so many channels.</summary>
    public PatchMergingLayer(int channels, PatchMerging merging) : base(nameof(PatchMergingLayer))
    {
        offsets = [.. PatchMergingModule.offsets(merging).Select(offset => (offset.Item1, offset.Item2, offset.Item3))];
        reduction = Add("reduction", Linear.AsPyTorch(Neighbours * channels, 2 * channels, bias: false));
        norm = Add("norm", new LayerNorm(Neighbours * channels, NormEpsilon));
    }

    /// <inheritdoc />
    public override Tensor forward(Tensor tokens)
    {
        using var scope = NewDisposeScope();
        var (d, h, w) = (tokens.shape[1] % 2, tokens.shape[2] % 2, tokens.shape[3] % 2);
        var even = d + h + w == 0 ? tokens : nn.functional.pad(tokens, [0, 0, 0, w, 0, h, 0, d]);
        var neighbours = offsets.Select(offset => even[
            TensorIndex.Colon,
            TensorIndex.Slice(offset.D, step: 2),
            TensorIndex.Slice(offset.H, step: 2),
            TensorIndex.Slice(offset.W, step: 2)]);
        return reduction.call(norm.call(cat([.. neighbours], -1))).MoveToOuterDisposeScope();
    }
}
