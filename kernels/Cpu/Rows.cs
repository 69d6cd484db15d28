using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using static TorchSharp.torch;

namespace MedSegDsl.Kernels;

/// <summary>
/// The memory of a float32 CPU tensor whose last dimension is contiguous, read through its strides: a row of channels
/// for each (batch, segment, token).
/// </summary>
internal readonly unsafe struct Rows
{
    private readonly float* data;
    private readonly long batch, segment, token;

    private Rows(float* data, long batch, long segment, long token)
    {
        this.data = data;
        this.batch = batch;
        this.segment = segment;
        this.token = token;
    }

    /// <summary>Whether there is a tensor.</summary>
    public bool Exist => data != null;

    /// <summary>The rows of a tensor (B, S, L, C).</summary>
    public static Rows OfSegments(Tensor tensor)
    {
        var strides = tensor.stride();
        return new Rows(Data(tensor), strides[0], strides[1], strides[2]);
    }

    /// <summary>The rows of a tensor (B, L, C), the same for every segment.</summary>
    public static Rows OfTokens(Tensor tensor)
    {
        var strides = tensor.stride();
        return new Rows(Data(tensor), strides[0], 0, strides[1]);
    }

    /// <summary>The first channel of a row.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public float* At(int batch, int segment, int token) => data + batch * this.batch + segment * this.segment + token * this.token;

    /// <summary>
    /// The tensor itself where its last dimension is contiguous, else a contiguous copy: what the kernels can read.
    /// </summary>
    public static Tensor Readable(Tensor tensor) =>
        tensor.shape[^1] == 1 || tensor.stride()[^1] == 1 ? tensor : tensor.contiguous();

    /// <summary>The first element of a tensor's memory. The caller keeps the tensor alive.</summary>
    public static float* Data(Tensor tensor) => (float*)THSTensor_data(tensor.Handle);

    /// <summary>As <see cref="Data"/>, for a tensor of float64.</summary>
    public static double* DoubleData(Tensor tensor) => (double*)THSTensor_data(tensor.Handle);

    [DllImport("LibTorchSharp")]
    private static extern nint THSTensor_data(nint handle);
}
