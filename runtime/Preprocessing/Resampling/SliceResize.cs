using System.Numerics.Tensors;
using MedSegDsl.Runtime.Planning;

namespace MedSegDsl.Runtime.Preprocessing.Resampling;

/// <summary>
/// Resamples with a separate axis: every slice across it is resized in its plane, clipped to the range of the
/// slice, then the stack is resampled along the axis by an order of its own (nnU-Net v2: resample_data_or_seg
/// with do_separate_z).
/// </summary>
internal static class SliceResize
{
    /// <summary>Resamples a volume whose slices lie along its first axis.</summary>
    public delegate void OfSlices<T>(ReadOnlyMemory<T> input, int[] shape, Memory<T> output, int[] newShape);

    /// <summary>Brings the separate axis to the front, resamples, and brings it back.</summary>
    public static void AlongAxis<T>(
        int axis, ReadOnlyMemory<T> input, int[] shape, Memory<T> output, int[] newShape, OfSlices<T> resample)
        where T : unmanaged
    {
        if (axis == 0)
        {
            resample(input, shape, output, newShape);
            return;
        }

        int[] front = axis == 1 ? [1, 0, 2] : [2, 0, 1];
        var (turned, turnedNew) = (Transposition.Apply(shape, front), Transposition.Apply(newShape, front));
        var (source, target) = (new T[input.Length], new T[output.Length]);
        Transposition.Apply(input.Span, shape, source, front);
        resample(source, turned, target, turnedNew);
        Transposition.Apply(target, turnedNew, output.Span, Transposition.Inverse(front));
    }

    /// <summary>Resamples an image; slices along the first axis.</summary>
    public static void Image(
        ReadOnlyMemory<float> input, int[] shape, Memory<float> output, int[] newShape,
        ResamplingSettings settings, int threads)
    {
        if (settings is { Order: 0, OrderZ: 0 })
        {
            NearestResize.Resize(input, shape, output, newShape, threads);
            return;
        }

        int before = shape[1] * shape[2], after = newShape[1] * newShape[2];
        if (settings.OrderZ == 0 || shape[0] == newShape[0])
        {
            Planes(output, new AxisSampling(shape[0], newShape[0], 0).First);
            return;
        }

        var stack = new float[shape[0] * after];
        Planes(stack, [.. Enumerable.Range(0, shape[0])]);
        PlainResize.FarAxis(
            stack, output, new AxisSampling(shape[0], newShape[0], settings.OrderZ), after, threads,
            float.NegativeInfinity, float.PositiveInfinity);

        void Planes(Memory<float> target, int[] picks)
        {
            if (settings.Order == 0)
            {
                NearestResize.Resize(input, shape, target, [picks.Length, newShape[1], newShape[2]], threads);
                return;
            }

            var y = new AxisSampling(shape[1], newShape[1], settings.Order);
            var x = new AxisSampling(shape[2], newShape[2], settings.Order);
            Pick(picks, target, after, threads, () => new PlaneResize(y, x), (slice, place, resize) =>
            {
                var source = input.Span.Slice(slice * before, before);
                resize.Resize(source, place.Span, TensorPrimitives.Min(source), TensorPrimitives.Max(source));
            });
        }
    }

    /// <summary>Resamples a label map; slices along the first axis.</summary>
    public static void Labels(
        ReadOnlyMemory<short> input, int[] shape, Memory<short> output, int[] newShape,
        ResamplingSettings settings, int threads)
    {
        int before = shape[1] * shape[2], after = newShape[1] * newShape[2];
        if (settings.OrderZ == 0 || shape[0] == newShape[0])
        {
            Planes(output, new AxisSampling(shape[0], newShape[0], 0).First);
            return;
        }

        var stack = new short[shape[0] * after];
        Planes(stack, [.. Enumerable.Range(0, shape[0])]);
        var z = new AxisSampling(shape[0], newShape[0], settings.OrderZ);
        LabelMasks.Resize(
            stack, output.Span, (mask, resized) => PlainResize.FarAxis(mask, resized, z, after, threads, 0, 1),
            value => value > 0.5f);

        void Planes(Memory<short> target, int[] picks) =>
            Pick(picks, target, after, threads, () => 0, (slice, place, _) => LabelMasks.Resize(
                input.Slice(slice * before, before), [1, shape[1], shape[2]],
                place, [1, newShape[1], newShape[2]], settings.Order, 1));
    }

    /// <summary>Fills slice i of the target with source slice picks[i]; each source slice is resized
    /// once.</summary>
    private static void Pick<T, TScratch>(
        int[] picks, Memory<T> target, int size, int threads,
        Func<TScratch> scratch, Action<int, Memory<T>, TScratch> resize)
    {
        int[][] groups =
            [.. Enumerable.Range(0, picks.Length).GroupBy(i => picks[i]).Select(group => group.ToArray())];
        Workers.For(groups.Length, threads, scratch, (group, own) =>
        {
            var first = Place(groups[group][0]);
            resize(picks[groups[group][0]], first, own);
            foreach (var copy in groups[group].AsSpan(1))
                first.CopyTo(Place(copy));
        });

        Memory<T> Place(int slice) => target.Slice(slice * size, size);
    }
}
