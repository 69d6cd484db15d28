namespace MedSegDsl.Kernels;

/// <summary>Where the backward pass of a scan reads the result's gradient and leaves the inputs' gradients.</summary>
/// <remarks>
/// Sums over channels and over batch entries are left as one part for each task, to be added in a fixed order afterwards:
/// the same bits every time, whatever the threads do.
/// </remarks>
internal sealed unsafe class ScanGradients
{
    /// <summary>The result's gradient, rows (B, S, L, D).</summary>
    public required Rows Result;

    /// <summary>The gradients of u and delta (B, S, L, D) and of z (B, L, D).</summary>
    public required Rows U, Delta, Z;

    /// <summary>The parts of the gradients of b and c, (blocks, B, S, L, N).</summary>
    public required float* BParts, CParts;

    /// <summary>The parts of the gradients of a, (B, D, N), and of skip weights and bias, (B, D).</summary>
    public required double* AParts, SkipParts, BiasParts;
}
