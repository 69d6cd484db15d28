using System.Numerics.Tensors;
using MedSegDsl.Runtime.Imaging;
using MedSegDsl.Runtime.Preprocessing;
using MedSegDsl.Runtime.Preprocessing.Resampling;

namespace MedSegDsl.Runtime.Inference;

/// <summary>
/// Turns logits into a label map while their slices arrive, so that neither grid ever holds all classes: each slice of the
/// image's grid is interpolated from the two slices about it, class by class, into a running label map. The rule is
/// <see cref="Exporter"/>'s; the order of the two interpolations differs, so that logits agree to rounding.
/// </summary>
internal sealed class SlabExporter : ILogitsSink
{
    private readonly ExportGrid grid;
    private readonly int[] shape;
    private readonly IReadOnlyList<int>? regionsClassOrder;
    private readonly int threads;
    private readonly AxisSampling z;
    private readonly AxisSampling y;
    private readonly AxisSampling x;
    private readonly ImageArray<short> labels;
    private Logits? before;
    private Task working = Task.CompletedTask;
    private int next;

    /// <summary>An exporter that waits for the first slice.</summary>
    /// <param name="grid">The way back; <see cref="CanExport"/> says which ways there are.</param>
    /// <param name="shape">Voxels of the network's grid along z, y, x.</param>
    /// <param name="regionsClassOrder">The label that each region writes; null where the classes are labels.</param>
    /// <param name="threads">Threads for interpolation.</param>
    public SlabExporter(ExportGrid grid, int[] shape, IReadOnlyList<int>? regionsClassOrder, int threads)
    {
        (this.grid, this.shape, this.regionsClassOrder, this.threads) = (grid, shape, regionsClassOrder, threads);
        var target = grid.CroppedShape;
        z = new AxisSampling(shape[0], target[0], ZOrder(grid, shape));
        y = new AxisSampling(shape[1], target[1], 1);
        x = new AxisSampling(shape[2], target[2], 1);
        labels = new ImageArray<short>(1, target);
    }

    /// <summary>Whether slices can be exported one by one: linear interpolation, and a separate axis only in front.</summary>
    public static bool CanExport(ExportGrid grid, int[] shape) =>
        shape.AsSpan().SequenceEqual(grid.CroppedShape)
        || grid.Resampling.Order == 1 && Separate(grid) is null or 0 && ZOrder(grid, shape) <= 1;

    /// <summary>The label map on the grid of the image file; complete after <see cref="Finish"/>.</summary>
    public ImageArray<short> ToFile() => Exporter.ToFile<short>(labels, grid, 0);

    /// <inheritdoc />
    public void Take(int first, Logits slices)
    {
        // One piece is worked up while the device makes the next.
        Finish();
        working = Task.Run(() => Export(first, slices));
    }

    /// <inheritdoc />
    public void Finish() => working.GetAwaiter().GetResult();

    private static int? Separate(ExportGrid grid) =>
        SeparateAxis.Decide(grid.NetworkSpacing, grid.OwnSpacing, grid.Resampling.ForceSeparateZ);

    private static int ZOrder(ExportGrid grid, int[] shape) =>
        shape[0] == grid.CroppedShape[0] ? 0 : Separate(grid) is 0 ? grid.Resampling.OrderZ : 1;

    private void Export(int first, Logits slices)
    {
        var end = next;
        while (end < z.To && LastNeeded(end) < first + slices.Shape[0])
            end++;
        var start = next;
        Workers.For(end - start, threads, () => new Slice(this), (index, slice) => slice.Export(start + index, first, slices));
        next = end;
        before = Last(slices);
    }

    private int LastNeeded(int output) => z.Taps > 1 && z.Weights[output * z.Taps + 1] > 0 ? z.First[output] + 1 : z.First[output];

    private Logits Last(Logits slices)
    {
        var plane = shape[1] * shape[2];
        return new Logits([.. slices.Channels.Select(channel => channel[^plane..])], [1, shape[1], shape[2]]);
    }

    /// <summary>The work of one thread.</summary>
    private sealed class Slice(SlabExporter exporter)
    {
        private readonly PlaneResize resize = new(exporter.y, exporter.x);
        private readonly float[] between = new float[exporter.shape[1] * exporter.shape[2]];
        private readonly float[] beyond = new float[exporter.shape[1] * exporter.shape[2]];
        private readonly float[] plane = new float[exporter.y.To * exporter.x.To];

        public void Export(int output, int first, Logits slices)
        {
            var running = new RunningSegmentation([1, exporter.y.To, exporter.x.To], exporter.regionsClassOrder);
            for (var channel = 0; channel < slices.Classes; channel++)
            {
                resize.Resize(Between(output, first, slices, channel), plane, float.NegativeInfinity, float.PositiveInfinity);
                running.Add(plane);
            }

            running.Labels.Data.CopyTo(exporter.labels.Data, output * plane.Length);
        }

        private ReadOnlySpan<float> Between(int output, int first, Logits slices, int channel)
        {
            var low = exporter.z.First[output];
            if (exporter.LastNeeded(output) == low)
                return Source(low, first, slices, channel);
            var (lower, upper) = ((float)exporter.z.Weights[2 * output], (float)exporter.z.Weights[2 * output + 1]);
            TensorPrimitives.Multiply(Source(low, first, slices, channel), lower, between);
            TensorPrimitives.Multiply(Source(low + 1, first, slices, channel), upper, beyond);
            TensorPrimitives.Add(between, beyond, between);
            return between;
        }

        private ReadOnlySpan<float> Source(int slice, int first, Logits slices, int channel) => slice < first
            ? exporter.before!.Channels[channel]
            : slices.Channels[channel].AsSpan((slice - first) * between.Length, between.Length);
    }
}
