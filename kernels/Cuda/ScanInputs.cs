using static TorchSharp.torch;

namespace MedSegDsl.Kernels.Cuda;

/// <summary>The tensors of a scan, as <see cref="SelectiveScan.Apply"/> has them.</summary>
internal sealed record ScanInputs(Tensor U, Tensor Delta, Tensor A, Tensor B, Tensor C, Tensor? D, Tensor? Z, Tensor? DeltaBias)
{
    /// <summary>All of them, null where there is none.</summary>
    public Tensor?[] All => [U, Delta, A, B, C, D, Z, DeltaBias];

    /// <summary>Whether the tensors of tokens have one type, which the kernels need.</summary>
    public bool HaveOneType =>
        U.dtype == Delta.dtype && U.dtype == B.dtype && U.dtype == C.dtype && (Z is null || U.dtype == Z.dtype);

    /// <summary>From a list in that order.</summary>
    public static ScanInputs From(IReadOnlyList<Tensor?> list) =>
        new(list[0]!, list[1]!, list[2]!, list[3]!, list[4]!, list[5], list[6], list[7]);

    /// <summary>All in one type.</summary>
    public ScanInputs To(ScalarType type) =>
        this with { U = U.In(type), Delta = Delta.In(type), B = B.In(type), C = C.In(type), Z = Z?.In(type) };

    /// <summary>As the kernels can read them: rows at equal distances, parameters in float32.</summary>
    public ScanInputs Readable() =>
        new(
            RowsArgument.Readable(U), RowsArgument.Readable(Delta), ElementTypes.Parameter(A)!, RowsArgument.Readable(B),
            RowsArgument.Readable(C), ElementTypes.Parameter(D), Z is null ? null : RowsArgument.Readable(Z),
            ElementTypes.Parameter(DeltaBias));
}
