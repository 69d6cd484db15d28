using MedSegDsl.Kernels;
using TorchSharp;
using static TorchSharp.torch;

namespace MedSegDsl.Models;

/// <summary>
/// The selective state-space model of one set of parameters: the time step, B and C come from the tokens, A and D are
/// learned. The parameters belong to the mixer whose state-dict names they carry.
/// </summary>
/// <param name="projection">Linear E·C → R + 2·N: the low-rank time step, B and C.</param>
/// <param name="timeStep">Linear R → E·C; its bias is added inside the scan, before softplus.</param>
/// <param name="logA">A_log (E·C, N), looked up on every use; A = −exp(A_log).</param>
/// <param name="skip">D (E·C), looked up on every use.</param>
public sealed class StateSpace(Linear projection, Linear timeStep, Func<Tensor> logA, Func<Tensor> skip)
{
    /// <summary>The parameters as an operator takes them that scans several orders at once.</summary>
    public MixerStateSpace Parameters() =>
        new(projection.Weight, timeStep.Weight, timeStep.Bias, -logA().exp(), skip());

    /// <summary>Scans tokens (B, S, L, E·C), S segments read as one sequence, gated by SiLU of z (B, L, E·C).</summary>
    /// <returns>(B, S, L, E·C), every result at its token's own place.</returns>
    public Tensor Scan(Tensor tokens, Tensor gate, ScanPath path)
    {
        using var scope = NewDisposeScope();
        var a = -logA().exp();
        var states = a.shape[1];
        var projected = projection.call(tokens);
        var rank = projected.shape[^1] - 2 * states;
        var delta = timeStep.Multiply(projected.narrow(-1, 0, rank));
        var b = projected.narrow(-1, rank, states);
        var c = projected.narrow(-1, rank + states, states);
        var scanned = SelectiveScan.Apply(
            Wide(tokens), Wide(delta), a, Wide(b), Wide(c), skip(), Wide(gate), timeStep.Bias, path, softplus: true);
        return scanned.to(tokens.dtype).MoveToOuterDisposeScope();

        // In half precision a state would lose what it sums up: the scan runs in the parameters' type. A GPU's kernels do so
        // by themselves; the CPU's take nothing else.
        Tensor Wide(Tensor tensor) =>
            tensor.dtype == a.dtype || tensor.device_type == DeviceType.CUDA ? tensor : tensor.to(a.dtype);
    }
}
