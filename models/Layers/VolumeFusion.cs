using static TorchSharp.torch;

namespace MedSegDsl.Models;

/// <summary>
/// Makes one tensor of several of one shape (…, C): their sum, their mean, or their concatenation along channels and a
/// 1×1×1 convolution back to C.
/// </summary>
public sealed class VolumeFusion : Layer<IReadOnlyList<Tensor>, Tensor>
{
    private readonly Fusion fusion;

    /// <summary>
    /// A fusion of so many tensors; only concatenation has parameters, weight (C, count·C, 1, 1, 1) and bias (C).
    /// </summary>
    public VolumeFusion(Fusion fusion, int count, long channels) : base(nameof(VolumeFusion))
    {
        this.fusion = fusion;
        if (fusion.IsConcatenation)
        {
            AddParameter("weight", Start.HeFanOut(channels), channels, count * channels, 1, 1, 1);
            AddParameter("bias", Start.InverseRoot(count * channels), channels);
        }
    }

    /// <summary>Whether it joins along channels: only then does it matter what the last axis is.</summary>
    public bool Concatenates => fusion.IsConcatenation;

    /// <inheritdoc />
    public override Tensor forward(IReadOnlyList<Tensor> tensors)
    {
        using var scope = NewDisposeScope();
        return Fuse(tensors).MoveToOuterDisposeScope();
    }

    private Tensor Fuse(IReadOnlyList<Tensor> tensors)
    {
        if (fusion.IsConcatenation)
        {
            // On channels-last tensors a 1×1×1 convolution is a linear layer.
            var joined = cat([.. tensors], -1);
            return nn.functional.linear(joined, Get("weight", joined).flatten(1), Get("bias", joined));
        }

        var sum = tensors.Aggregate((a, b) => a + b);
        return fusion.IsMean ? sum / tensors.Count : sum;
    }
}
