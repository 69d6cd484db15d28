using static TorchSharp.torch;

namespace MedSegDsl.Kernels;

/// <summary>The causal depthwise convolution along the tokens of the 1D Mamba mixers.</summary>
public static class CausalConv1d
{
    /// <summary>
    /// Convolves each channel's token sequence, in the path's order, with its own kernel: a token's result is of itself (the
    /// kernel's last weight) and the k − 1 tokens visited before it. A random path counts as forward. Differentiable in
    /// every tensor.
    /// </summary>
    /// <param name="x">Tokens (B, L, C), row-major, possibly a strided slice.</param>
    /// <param name="weight">Kernels (C, 1, k).</param>
    /// <param name="bias">Bias (C), or null for none.</param>
    /// <param name="path">The order in which the tokens are visited.</param>
    /// <returns>(B, L, C), each token's result at the token's own place.</returns>
    /// <exception cref="ArgumentException">Shapes that do not fit each other or the path; the message names the argument.</exception>
    public static Tensor Apply(Tensor x, Tensor weight, Tensor? bias, ScanPath path)
    {
        Check(x, weight, bias, path);
        return CustomBackward.IsForCpu(x, weight, bias)
            ? CausalFunction.Convolve(x, weight, bias, path)
            : WithTensorOperations(x, weight, bias, path);
    }

    /// <summary>The same with libtorch's convolution: any type and device; what the other versions are tested and timed against.</summary>
    public static Tensor WithTensorOperations(Tensor x, Tensor weight, Tensor? bias, ScanPath path)
    {
        using var scope = NewDisposeScope();
        var order = path.WithoutShuffle();
        var past = nn.functional.pad(order.Visit(x).transpose(1, 2), [weight.shape[2] - 1, 0]);
        var y = nn.functional.conv1d(past, weight, bias, groups: weight.shape[0]).transpose(1, 2);
        return order.PutBack(y).MoveToOuterDisposeScope();
    }

    private static void Check(Tensor x, Tensor weight, Tensor? bias, ScanPath path)
    {
        Shapes.Require(x.shape.Length == 3 && x.shape[1] == path.Length, nameof(x), x, $"(B, {path.Length}, C)");
        Shapes.Require(weight, nameof(weight), [x.shape[2], 1, weight.shape[^1]]);
        Shapes.Require(bias, nameof(bias), [x.shape[2]]);
    }
}
