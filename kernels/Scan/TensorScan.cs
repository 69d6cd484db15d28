using TorchSharp;
using static TorchSharp.torch;

namespace MedSegDsl.Kernels;

/// <summary>
/// The selective scan in tensor operations: any type, any device, differentiable. The sequence is cut into chunks of about
/// √L tokens; all chunks are walked at once from a state of zero, then the states at their ends are carried from
/// chunk to chunk. Products of decays come from sums of time steps, exp(a·Σdt), so nothing is ever divided and long
/// sequences stay exact.
/// </summary>
internal static class TensorScan
{
    /// <summary>The scan of a sequence in its order.</summary>
    /// <param name="u">Input (B, L, D).</param>
    /// <param name="dt">Time steps (B, L, D), positive.</param>
    /// <param name="a">Decay rates (D, N), negative.</param>
    /// <param name="b">Input weights (B, L, N).</param>
    /// <param name="c">Output weights (B, L, N).</param>
    /// <returns>Σₙ hₙ·cₙ for each token, (B, L, D).</returns>
    public static Tensor Sequence(Tensor u, Tensor dt, Tensor a, Tensor b, Tensor c)
    {
        using var scope = NewDisposeScope();
        var (batch, length) = (u.shape[0], u.shape[1]);
        var size = (long)Math.Ceiling(Math.Sqrt(length));
        var chunks = (length + size - 1) / size;

        // Tokens added at the end have dt = 0: they leave the state as it is. (B, chunks, size, channels)
        Tensor Cut(Tensor x) => nn.functional.pad(x, [0, 0, 0, chunks * size - length]).reshape(batch, chunks, size, -1);

        var steps = Cut(dt);
        var inputs = Cut(dt * u);
        var (weightsIn, weightsOut) = (Cut(b), Cut(c));
        var elapsed = steps.cumsum(2);

        // Each chunk from a state of zero: states (B, chunks, D, N). What a step leaves goes at once, unless a backward pass will
        // want it: all together they are as large as the sequence times the states.
        var state = inputs.new_zeros(batch, chunks, a.shape[0], a.shape[1]);
        var local = new List<Tensor>();
        for (var t = 0L; t < size; t++)
        {
            using var step = NewDisposeScope();
            var decay = (steps.select(2, t).unsqueeze(-1) * a).exp();
            var next = decay * state + inputs.select(2, t).unsqueeze(-1) * weightsIn.select(2, t).unsqueeze(2);
            local.Add(matmul(next, weightsOut.select(2, t).unsqueeze(-1)).squeeze(-1).MoveToOuterDisposeScope());
            state.Dispose();
            state = next.MoveToOuterDisposeScope();
        }

        // The state at each chunk's start.
        var through = (elapsed.select(2, size - 1).unsqueeze(-1) * a).exp();
        var carried = new List<Tensor> { state.new_zeros(batch, a.shape[0], a.shape[1]) };
        for (var k = 0L; k < chunks - 1; k++)
        {
            carried.Add(through.select(1, k) * carried[^1] + state.select(1, k));
        }
        var start = torch.stack(carried, 1);

        var y = new List<Tensor>();
        for (var t = 0; t < size; t++)
        {
            using var step = NewDisposeScope();
            var decay = (elapsed.select(2, t).unsqueeze(-1) * a).exp();
            var fromStart = matmul(decay * start, weightsOut.select(2, t).unsqueeze(-1)).squeeze(-1);
            y.Add((local[t] + fromStart).MoveToOuterDisposeScope());
        }
        return torch.stack(y, 2).reshape(batch, chunks * size, -1).narrow(1, 0, length).MoveToOuterDisposeScope();
    }
}
