using MedSegDsl.Kernels.Cuda;
using static TorchSharp.torch;

namespace MedSegDsl.Kernels;

/// <summary>
/// The selective scan of Mamba (Gu and Dao, "Mamba: Linear-Time Sequence Modeling with Selective State Spaces", arXiv
/// 2312.00752, section 3; discretised as their code does it: exp(dt·A) for the state, dt·B for the input).
/// </summary>
public static class SelectiveScan
{
    /// <summary>
    /// Runs h ← exp(dt·a)·h + dt·u·b, y = ⟨h, c⟩ + d·u over the tokens, and gates y by SiLU(z). The S segments are joined end
    /// to end into one sequence of S·L tokens (multi-scale MSv4: three; else one); inside a segment the tokens are visited
    /// in the path's order. Differentiable in every tensor. Tensors may be strided slices.
    /// </summary>
    /// <param name="u">Input (B, S, L, D), tokens row-major.</param>
    /// <param name="delta">Time steps before bias and softplus (B, S, L, D).</param>
    /// <param name="a">Decay rates (D, N), negative.</param>
    /// <param name="b">Input weights (B, S, L, N).</param>
    /// <param name="c">Output weights (B, S, L, N).</param>
    /// <param name="d">Skip weights (D), or null for none.</param>
    /// <param name="z">Gate before SiLU (B, L, D), the same for every segment, or null for none.</param>
    /// <param name="deltaBias">Bias of the time steps (D), or null for none.</param>
    /// <param name="path">The order in which a segment's L tokens are visited.</param>
    /// <param name="softplus">Whether dt is softplus(delta + deltaBias), else delta + deltaBias itself.</param>
    /// <returns>(B, S, L, D), each token's result at the token's own place.</returns>
    /// <exception cref="ArgumentException">Shapes that do not fit each other or the path; the message names the argument.</exception>
    public static Tensor Apply(
        Tensor u, Tensor delta, Tensor a, Tensor b, Tensor c, Tensor? d, Tensor? z, Tensor? deltaBias, ScanPath path, bool softplus = true)
    {
        Check(u, delta, a, b, c, d, z, deltaBias, path);
        return CustomBackward.IsForCpu(u, delta, a, b, c, d, z, deltaBias)
            ? ScanFunction.Scan(u, delta, a, b, c, d, z, deltaBias, path, softplus)
            : CudaScan.TakesStates(a.size(1)) && ElementTypes.AreSupported(u, delta, a, b, c, d, z, deltaBias)
            ? CudaScanFunction.Scan(u, delta, a, b, c, d, z, deltaBias, path, softplus)
            : WithTensorOperations(u, delta, a, b, c, d, z, deltaBias, path, softplus);
    }

    /// <summary>The same in tensor operations: any type, which u has and the result gets, and any device; what the other versions are tested and timed against.</summary>
    public static Tensor WithTensorOperations(
        Tensor u, Tensor delta, Tensor a, Tensor b, Tensor c, Tensor? d, Tensor? z, Tensor? deltaBias, ScanPath path, bool softplus = true)
    {
        using var scope = NewDisposeScope();

        // Half precision is for what is stored; the recurrence runs in the type of its decay rates.
        Tensor Exact(Tensor x) => x.to(a.dtype);
        Tensor Joined(Tensor x) => path.Visit(x).reshape(x.shape[0], x.shape[1] * x.shape[2], x.shape[3]);

        var input = Exact(u);
        var steps = deltaBias is null ? Exact(delta) : Exact(delta) + Exact(deltaBias);
        var dt = softplus ? nn.functional.softplus(steps) : steps;
        var y = path.PutBack(TensorScan.Sequence(Joined(input), Joined(dt), a, Joined(Exact(b)), Joined(Exact(c))).reshape(u.shape));
        y = d is null ? y : y + Exact(d) * input;
        y = z is null ? y : y * nn.functional.silu(Exact(z)).unsqueeze(1);
        return y.to(u.dtype).MoveToOuterDisposeScope();
    }

    private static void Check(
        Tensor u, Tensor delta, Tensor a, Tensor b, Tensor c, Tensor? d, Tensor? z, Tensor? deltaBias, ScanPath path)
    {
        Shapes.Require(u.shape.Length == 4 && u.shape[2] == path.Length, nameof(u), u, $"(B, S, {path.Length}, D)");
        var (batch, segments, length, channels) = (u.shape[0], u.shape[1], u.shape[2], u.shape[3]);
        Shapes.Require(a.shape.Length == 2 && a.shape[0] == channels, nameof(a), a, $"({channels}, N)");
        long[] weights = [batch, segments, length, a.shape[1]];
        Shapes.Require(delta, nameof(delta), u.shape);
        Shapes.Require(b, nameof(b), weights);
        Shapes.Require(c, nameof(c), weights);
        Shapes.Require(d, nameof(d), [channels]);
        Shapes.Require(z, nameof(z), [batch, length, channels]);
        Shapes.Require(deltaBias, nameof(deltaBias), [channels]);
    }
}
