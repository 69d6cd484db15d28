using MedSegDsl.Runtime.Imaging;
using TorchSharp;
using static TorchSharp.torch;

namespace MedSegDsl.Runtime.Inference;

/// <summary>
/// Leads a network over a preprocessed image, tile by tile, with mirroring, and adds the tiles up with Gaussian weights
/// (nnU-Net v2, inference/predict_from_raw_data.py).
/// </summary>
public sealed class SlidingWindowPredictor : IDisposable
{
    /// <summary>One slice keeps a GPU waiting for its next order.</summary>
    private const int SlicesOnGpu = 8;

    private readonly SlidingWindowOptions options;
    private readonly Tensor weights;
    private readonly long[][] mirrorings;
    private readonly torch.Device networkDevice;

    /// <summary>A predictor for networks on one device.</summary>
    /// <param name="options">Patch, mirroring, steps.</param>
    /// <param name="device">Where the networks are.</param>
    /// <param name="sums">Where the tiles are added up; null for the networks' device.</param>
    public SlidingWindowPredictor(SlidingWindowOptions options, torch.Device device, torch.Device? sums = null)
    {
        if (options.MirrorAxes.Any(axis => axis < 0 || axis >= options.Patch.Count))
            throw new UserException($"mirror axes {string.Join(", ", options.MirrorAxes)}: the patch has axes 0 to {options.Patch.Count - 1}");
        this.options = options;
        networkDevice = device;
        mirrorings = Mirrorings(options.MirrorAxes);
        using var scope = NewDisposeScope();
        weights = Weights().to(sums ?? device).DetachFromDisposeScope();
    }

    /// <summary>Predicts one image.</summary>
    /// <param name="network">
    /// From a tile (1, C, D, H, W), or slices (B, C, H, W) for a 2D patch, to logits (B, K, the same axes): the final map
    /// alone, without deep supervision, in evaluation mode.
    /// </param>
    /// <param name="image">The preprocessed image (C, z, y, x).</param>
    /// <param name="progress">Called after each tile with the number of tiles done and of all tiles.</param>
    /// <param name="cancellation">Stops between two tiles.</param>
    /// <returns>Logits on the grid of the image.</returns>
    /// <exception cref="UserException">The output is not finite.</exception>
    public Logits Predict(
        Func<Tensor, Tensor> network,
        ImageArray<float> image,
        Action<int, int>? progress = null,
        CancellationToken cancellation = default)
    {
        var whole = new WholeLogits(image.Shape);
        Predict(network, image, whole, progress, cancellation);
        return whole.Result;
    }

    /// <summary>Predicts one image slab by slab; as the other, but the logits go to a sink.</summary>
    internal void Predict(
        Func<Tensor, Tensor> network,
        ImageArray<float> image,
        ILogitsSink sink,
        Action<int, int>? progress,
        CancellationToken cancellation)
    {
        using var noGradients = no_grad();
        using var scope = NewDisposeScope();
        var slices = options.Slices ?? (networkDevice.type == DeviceType.CUDA ? SlicesOnGpu : 1);
        var window = new SlidingWindow(image.Shape, options.Patch, options.StepFraction, slices);
        var padded = Pad(image, window);
        SlabAccumulator? slab = null;
        try
        {
            var done = 0;
            foreach (var (z, y, x) in window.Tiles)
            {
                cancellation.ThrowIfCancellationRequested();
                using var tileScope = NewDisposeScope();
                var tile = padded.narrow(1, z, window.Tile[0]).narrow(2, y, window.Tile[1]).narrow(3, x, window.Tile[2]);
                var logits = PredictTile(network, tile, window.IsPlanar);
                slab ??= new SlabAccumulator(window, (int)logits.shape[0], weights, sink);
                slab.MoveTo(z);
                slab.Add(logits, y, x);
                progress?.Invoke(++done, window.Count);
            }

            slab!.Finish();
        }
        finally
        {
            slab?.Dispose();
        }
    }

    /// <inheritdoc />
    public void Dispose() => weights.Dispose();

    /// <summary>The mean over all mirrorings: (C, D, H, W) to (K, D, H, W) in float32.</summary>
    private Tensor PredictTile(Func<Tensor, Tensor> network, Tensor tile, bool isPlanar)
    {
        // To a 2D network slices are samples of a batch.
        var input = (isPlanar ? tile.transpose(0, 1) : tile.unsqueeze(0)).contiguous().to(networkDevice);
        Tensor? sum = null;
        foreach (var axes in mirrorings)
        {
            using var scope = NewDisposeScope();
            var logits = axes.Length == 0 ? network(input) : network(input.flip(axes)).flip(axes);
            if (logits.ndim != input.ndim || !logits.shape[2..].SequenceEqual(input.shape[2..]))
            {
                throw new InvalidOperationException(
                    $"the network gives {string.Join(" × ", logits.shape)} for {string.Join(" × ", input.shape)}");
            }

            if (sum is null)
                sum = logits.to(ScalarType.Float32, copy: true).MoveToOuterDisposeScope();
            else
                sum.add_(logits);
        }

        var mean = sum!.div_(mirrorings.Length).to(weights.device);
        return isPlanar ? mean.transpose(0, 1) : mean.squeeze(0);
    }

    private Tensor Weights()
    {
        long[] shape = options.Patch.Count == 2 ? [1, options.Patch[0], options.Patch[1]] : [.. options.Patch];
        if (!options.UseGaussian)
            return ones(shape, options.Accumulation);
        var gaussian = GaussianWeights.Compute(options.Patch);
        if (options.Accumulation == ScalarType.Float16)
            gaussian = Array.ConvertAll(GaussianWeights.InHalf(gaussian), weight => (float)weight);
        return tensor(gaussian, shape, dtype: options.Accumulation);
    }

    private Tensor Pad(ImageArray<float> image, SlidingWindow window)
    {
        long[] shape = [image.Channels, .. image.Shape.Select(n => (long)n)];
        var pixels = tensor(image.Data, shape).to(weights.device);
        if (window.Padded.AsSpan().SequenceEqual(window.Image))
            return pixels;
        var padded = zeros([image.Channels, .. window.Padded.Select(n => (long)n)], device: weights.device);
        var content = padded;
        for (var axis = 0; axis < 3; axis++)
            content = content.narrow(axis + 1, window.Before[axis], window.Image[axis]);
        content.copy_(pixels);
        return padded;
    }

    /// <summary>All combinations of the axes, the empty one first, then by size; as axes of (B, C, …).</summary>
    private static long[][] Mirrorings(IReadOnlyList<int> axes) =>
    [
        .. from bits in Enumerable.Range(0, 1 << axes.Count)
           let chosen = Enumerable.Range(0, axes.Count).Where(i => (bits >> i & 1) == 1).Select(i => axes[i] + 2L).ToArray()
           orderby chosen.Length
           select chosen,
    ];
}
