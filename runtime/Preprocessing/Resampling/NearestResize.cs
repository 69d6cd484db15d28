namespace MedSegDsl.Runtime.Preprocessing.Resampling;

/// <summary>Resizes by the nearest voxel, floor(p + 0.5), clamped to the volume.</summary>
internal static class NearestResize
{
    /// <summary>Resizes (z, y, x) to a new shape.</summary>
    public static void Resize<T>(
        ReadOnlyMemory<T> input, int[] shape, Memory<T> output, int[] newShape, int threads) where T : unmanaged
    {
        int[] z = From(0), y = From(1), x = From(2);
        Workers.For(newShape[0], threads, () => 0, (plane, _) =>
        {
            var source = input.Span;
            var target = output.Span;
            for (var line = 0; line < y.Length; line++)
            {
                var from = source.Slice((z[plane] * shape[1] + y[line]) * shape[2], shape[2]);
                var to = target.Slice((plane * y.Length + line) * x.Length, x.Length);
                for (var i = 0; i < x.Length; i++)
                    to[i] = from[x[i]];
            }
        });

        int[] From(int axis) => new AxisSampling(shape[axis], newShape[axis], 0).First;
    }
}
