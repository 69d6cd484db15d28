using static TorchSharp.torch;

namespace MedSegDsl.Models;

/// <summary>What training drops at random; outside training nothing is.</summary>
public static class RandomDrops
{
    /// <summary>
    /// Stochastic depth (Huang et al. 2016): the branch of a residual layer is left out for a share of the samples, and
    /// scaled for the others so that its mean stays.
    /// </summary>
    /// <param name="branch">The branch (B, …).</param>
    /// <param name="rate">The share of samples, below 1.</param>
    /// <param name="training">Whether the layer is in training.</param>
    public static Tensor Branch(Tensor branch, double rate, bool training)
    {
        if (!training || rate == 0)
        {
            return branch;
        }

        using var scope = NewDisposeScope();
        long[] shape = [branch.shape[0], .. Enumerable.Repeat(1L, (int)branch.dim() - 1)];
        var kept = rand(shape, dtype: ScalarType.Float32, device: branch.device).ge(rate).to(branch.dtype);
        return (branch * (kept / (1 - rate))).MoveToOuterDisposeScope();
    }

    /// <summary>Dropout (Srivastava et al. 2014): single numbers are left out, and the others scaled.</summary>
    /// <param name="values">A tensor of any shape.</param>
    /// <param name="rate">The share of numbers, below 1.</param>
    /// <param name="training">Whether the layer is in training.</param>
    public static Tensor Numbers(Tensor values, double rate, bool training) =>
        training && rate > 0 ? nn.functional.dropout(values, rate, training: true) : values;
}
