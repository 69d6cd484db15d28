using System.Collections.Concurrent;
using System.Runtime.InteropServices;
using static TorchSharp.torch;

namespace MedSegDsl.Kernels.Cuda;

/// <summary>Trilinear interpolation on a GPU: forward and backward kernels, of contiguous tensors (B, D, H, W, C).</summary>
internal static class CudaTrilinear
{
    private const int Threads = 256, BytesOfThread = 16;

    private static readonly ConcurrentDictionary<(CudaDevice Device, string Name, int Type, int Vector), Kernel> Compiled = new();

    /// <summary>The volume in another size.</summary>
    /// <param name="x">(B, D, H, W, C).</param>
    /// <param name="size">(D', H', W').</param>
    public static Tensor Forward(Tensor x, ReadOnlySpan<long> size) => Run("resize", x, size, isGradient: false);

    /// <summary>The gradient of x, from that of the result.</summary>
    /// <param name="gradient">(B, D', H', W', C).</param>
    /// <param name="size">x's (D, H, W).</param>
    public static Tensor Backward(Tensor gradient, ReadOnlySpan<long> size) => Run("resizeGradient", gradient, size, isGradient: true);

    private static Tensor Run(string name, Tensor x, ReadOnlySpan<long> size, bool isGradient)
    {
        var shape = x.shape;
        var (batch, channels) = (shape[0], (int)shape[4]);
        var y = empty([batch, size[0], size[1], size[2], channels], x.dtype, x.device);
        var vector = BytesOfThread / (int)x.element_size();
        vector = channels % vector == 0 && DeviceMemory.Address(x) % BytesOfThread == 0 ? vector : 1;
        var (there, here) = (Extent.Of(shape.AsSpan(1, 3)), Extent.Of(size));
        var (before, after) = isGradient ? (here, there) : (there, here);
        var columns = channels / vector;
        var kernel = Compiled.GetOrAdd(
            (CudaDevice.Of(x), name, ElementTypes.Number(x.dtype), vector),
            static key => key.Device.Kernel("trilinear.cu", key.Name, [("TYPE", key.Type), ("VECTOR", key.Vector)]));
        kernel.Launch(
            new Grid(((long)here.W * columns + Threads - 1) / Threads, here.H, batch * here.D), Threads, 0,
            new TrilinearArgument
            {
                X = DeviceMemory.Address(x),
                Y = DeviceMemory.Address(y),
                In = before,
                Out = after,
                Depth = (float)before.D / after.D,
                Height = (float)before.H / after.H,
                Width = (float)before.W / after.W,
                Columns = columns,
            });
        GC.KeepAlive(x);
        return y;
    }

    [StructLayout(LayoutKind.Sequential)]
    private readonly record struct Extent(int D, int H, int W)
    {
        public static Extent Of(ReadOnlySpan<long> size) => new((int)size[0], (int)size[1], (int)size[2]);
    }

    // Trilinear in trilinear.cu.
    [StructLayout(LayoutKind.Sequential)]
    private struct TrilinearArgument
    {
        public nint X, Y;
        public Extent In, Out;
        public float Depth, Height, Width;
        public int Columns, Padding;
    }
}
