using System.Runtime.InteropServices;

namespace MedSegDsl.Kernels.Cuda;

/// <summary>Arguments of SiLU's gradient (<c>SiluGradient</c> in mixing.cu).</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct SiluGradientArgument
{
    public nint X, Gradient;
    public long Count;
}

/// <summary>Arguments of the filling up of weights (<c>Padding</c> in mixing.cu).</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct PaddingArgument
{
    public nint Projection, TimeStep, WideProjection, WideTimeStep;
    public int Rank, Padded, Weights, Channels;
}

/// <summary>Arguments of sums over orders and segments (<c>PartSum</c> in mixing.cu).</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct PartSumArgument
{
    public nint Parts, Sum;
    public long Batch, Row, Rows;
    public int Orders, Batches, Segments, Channels;
    public float Scale;
    public int Padding;
}
