using MedSegDsl.Runtime.Imaging;
using MedSegDsl.Runtime.Preprocessing;
using MedSegDsl.Runtime.Preprocessing.Resampling;

namespace MedSegDsl.Runtime.Inference;

/// <summary>
/// From logits on the network's grid to a label map on the image's (nnU-Net v2, inference/export_prediction.py). Classes
/// are resampled one after the other into a running label map, so that the memory needed does not grow with their number.
/// </summary>
public static class Exporter
{
    /// <summary>The label map of a case.</summary>
    /// <param name="logits">One volume for each class or region on the network's grid.</param>
    /// <param name="grid">The way back.</param>
    /// <param name="regionsClassOrder">The label that each region writes; null where the classes are labels.</param>
    /// <param name="threads">Threads for resampling.</param>
    /// <returns>Labels on the grid of the image file (z, y, x); 0 outside the cropping box.</returns>
    public static ImageArray<short> Segment(
        Logits logits, ExportGrid grid, IReadOnlyList<int>? regionsClassOrder, int threads)
    {
        var running = new RunningSegmentation(grid.CroppedShape, regionsClassOrder);
        var buffer = new float[running.Labels.VoxelCount];
        foreach (var channel in logits.Channels)
        {
            Resample(channel, logits.Shape, buffer, grid, threads);
            running.Add(buffer);
        }

        return ToFile<short>(running.Labels, grid, 0);
    }

    /// <summary>The label map of a case, and its probabilities. All classes are held at the image's own size.</summary>
    /// <param name="logits">One volume for each class or region on the network's grid.</param>
    /// <param name="grid">The way back.</param>
    /// <param name="regionsClassOrder">The label that each region writes; null where the classes are labels.</param>
    /// <param name="threads">Threads for resampling.</param>
    /// <returns>
    /// Labels, and probabilities on the same grid: outside the cropping box the background's is 1 and all others are 0.
    /// </returns>
    public static (ImageArray<short> Labels, Logits Probabilities) SegmentWithProbabilities(
        Logits logits, ExportGrid grid, IReadOnlyList<int>? regionsClassOrder, int threads)
    {
        var running = new RunningSegmentation(grid.CroppedShape, regionsClassOrder);
        var resampled = new Logits(logits.Classes, grid.CroppedShape);
        for (var channel = 0; channel < logits.Classes; channel++)
        {
            Resample(logits.Channels[channel], logits.Shape, resampled.Channels[channel], grid, threads);
            running.Add(resampled.Channels[channel]);
        }

        var areRegions = regionsClassOrder is not null;
        Probabilities.FromLogits(resampled, areRegions);
        var whole = resampled.Channels
            .Select((channel, c) => ToFile(
                new ImageArray<float>(channel, 1, resampled.Shape), grid, c == 0 && !areRegions ? 1f : 0f))
            .ToArray();
        return (ToFile<short>(running.Labels, grid, 0), new Logits([.. whole.Select(volume => volume.Data)], whole[0].Shape));
    }

    private static void Resample(float[] channel, int[] shape, float[] output, ExportGrid grid, int threads) =>
        Resampler.ResampleChannel(
            channel, shape, output, grid.CroppedShape, grid.NetworkSpacing, grid.OwnSpacing, grid.Resampling, threads);

    /// <summary>Puts a cropped volume where it was cut out, and its axes in the order of the file.</summary>
    internal static ImageArray<T> ToFile<T>(ImageArray<T> cropped, ExportGrid grid, T outside) where T : unmanaged
    {
        var whole = new ImageArray<T>(1, grid.ShapeBeforeCropping);
        Array.Fill(whole.Data, outside);
        int[] shape = cropped.Shape, full = whole.Shape;
        for (var z = 0; z < shape[0]; z++)
        {
            for (var y = 0; y < shape[1]; y++)
            {
                var to = ((z + grid.Box[0][0]) * full[1] + y + grid.Box[1][0]) * full[2] + grid.Box[2][0];
                cropped.Data.AsSpan((z * shape[1] + y) * shape[2], shape[2]).CopyTo(whole.Data.AsSpan(to));
            }
        }

        return Transposition.Apply(whole, grid.TransposeBackward);
    }
}
