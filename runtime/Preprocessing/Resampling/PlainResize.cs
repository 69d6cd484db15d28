using System.Numerics.Tensors;

namespace MedSegDsl.Runtime.Preprocessing.Resampling;

/// <summary>
/// Resizes one channel along all axes together with splines of order 0 to 3, clipped to the range of the
/// input: skimage's resize with mode edge and no smoothing, as nnU-Net v2 calls it.
/// </summary>
/// <remarks>
/// The axes are independent, so they go one after the other, in double within a pass and float32 between
/// passes. The far axis goes last where it grows, in place in the output, else first: what is held between is
/// never larger than the input.
/// </remarks>
internal static class PlainResize
{
    /// <summary>Resizes (z, y, x) to a new shape.</summary>
    /// <param name="input">z · y · x values; not changed.</param>
    /// <param name="shape">Voxels along z, y, x.</param>
    /// <param name="output">Values of the new shape.</param>
    /// <param name="newShape">Voxels along z, y, x afterwards.</param>
    /// <param name="order">Spline order, 0 to 3.</param>
    /// <param name="threads">Threads to use.</param>
    /// <param name="scratch">As long as the input, and may be its own memory; if it is empty, memory is
    /// allocated where needed.</param>
    public static void Resize(
        ReadOnlyMemory<float> input, int[] shape, Memory<float> output, int[] newShape, int order, int threads,
        Memory<float> scratch = default)
    {
        if (order == 0)
        {
            NearestResize.Resize(input, shape, output, newShape, threads);
            return;
        }

        var (z, y, x) = (Axis(0), Axis(1), Axis(2));
        var (low, high) = (TensorPrimitives.Min(input.Span), TensorPrimitives.Max(input.Span));
        if (z.IsIdentity)
        {
            Planes(input, output, z.From, y, x, threads, low, high);
        }
        else if (y.IsIdentity && x.IsIdentity)
        {
            FarAxis(input, output, z, y.To * x.To, threads, low, high);
        }
        else if (z.To > z.From)
        {
            Planes(input, output, z.From, y, x, threads, float.NegativeInfinity, float.PositiveInfinity);
            FarAxis(output, output, z, y.To * x.To, threads, low, high);
        }
        else
        {
            var between = scratch.IsEmpty ? new float[z.To * y.From * x.From] : scratch;
            FarAxis(input, between, z, y.From * x.From, threads, float.NegativeInfinity, float.PositiveInfinity);
            Planes(between, output, z.To, y, x, threads, low, high);
        }

        AxisSampling Axis(int axis) => new(shape[axis], newShape[axis], order);
    }

    /// <summary>Resizes every plane (y, x).</summary>
    private static void Planes(
        ReadOnlyMemory<float> input, Memory<float> output, int planes, AxisSampling y, AxisSampling x, int threads,
        float low, float high)
    {
        int before = y.From * x.From, after = y.To * x.To;
        Workers.For(planes, threads, () => new PlaneResize(y, x), (plane, resize) => resize.Resize(
            input.Span.Slice(plane * before, before), output.Span.Slice(plane * after, after), low, high));
    }

    /// <summary>Resizes along the first axis of (z, columns). Input and output may be the same
    /// memory.</summary>
    public static void FarAxis(
        ReadOnlyMemory<float> input, Memory<float> output, AxisSampling z, int columns, int threads,
        float low, float high)
    {
        var blocks = (columns + ColumnBlock.Width - 1) / ColumnBlock.Width;
        Workers.For(blocks, threads, () => new ColumnBlock(), (index, block) =>
        {
            var start = index * ColumnBlock.Width;
            var lines = Math.Min(ColumnBlock.Width, columns - start);
            block.Load(input.Span[start..], columns, lines, z.From);
            block.Store(z, output.Span[start..], columns, lines, low, high);
        });
    }
}
