using System.Runtime.InteropServices;
using static TorchSharp.torch;

namespace MedSegDsl.Runtime.Inference;

/// <summary>
/// Adds up weighted tiles. Since tiles come in the order of their first slice, slices above the current tile are
/// finished: they are divided by their weights and go to the host, a few at a time, so that the device holds no more than one
/// tile's depth of the volume, whatever its length.
/// </summary>
internal sealed class SlabAccumulator : IDisposable
{
    /// <summary>About so many bytes of slices go to the host together.</summary>
    private const long PieceBytes = 1L << 28;

    private readonly SlidingWindow window;
    private readonly ILogitsSink sink;
    private readonly int classes;
    private readonly Tensor weights;
    private readonly Tensor sum;
    private readonly Tensor weightSum;
    private int start;

    /// <summary>An empty slab at the top of the volume.</summary>
    /// <param name="window">The tiles.</param>
    /// <param name="classes">Number of channels of the network's output.</param>
    /// <param name="weights">Weights of one tile (D, H, W) on the device; their type is the slab's. Not owned.</param>
    /// <param name="sink">Gets the finished slices, without padding.</param>
    public SlabAccumulator(SlidingWindow window, int classes, Tensor weights, ILogitsSink sink)
    {
        this.window = window;
        this.classes = classes;
        this.weights = weights;
        this.sink = sink;
        long depth = window.Tile[0], height = window.Padded[1], width = window.Padded[2];
        sum = zeros([classes, depth, height, width], weights.dtype, weights.device).DetachFromDisposeScope();
        weightSum = zeros([depth, height, width], weights.dtype, weights.device).DetachFromDisposeScope();
    }

    /// <summary>Sends the slices above <paramref name="z"/>, which no later tile touches, to the sink.</summary>
    public void MoveTo(int z)
    {
        using var scope = NewDisposeScope();
        var finished = z - start;
        if (finished == 0)
            return;
        Send(finished);
        var kept = window.Tile[0] - finished;
        if (kept > 0)
        {
            sum.narrow(1, 0, kept).copy_(sum.narrow(1, finished, kept).clone());
            weightSum.narrow(0, 0, kept).copy_(weightSum.narrow(0, finished, kept).clone());
        }

        kept = Math.Max(kept, 0);
        sum.narrow(1, kept, window.Tile[0] - kept).zero_();
        weightSum.narrow(0, kept, window.Tile[0] - kept).zero_();
        start = z;
    }

    /// <summary>Adds a tile at the current slices.</summary>
    /// <param name="logits">The network's output (K, D, H, W); overwritten.</param>
    /// <param name="y">First row of the tile.</param>
    /// <param name="x">First column of the tile.</param>
    public void Add(Tensor logits, int y, int x)
    {
        using var scope = NewDisposeScope();
        long height = window.Tile[1], width = window.Tile[2];
        sum.narrow(2, y, height).narrow(3, x, width).add_(logits.mul_(weights));
        weightSum.narrow(1, y, height).narrow(2, x, width).add_(weights);
    }

    /// <summary>Sends the last slices, and waits for the sink.</summary>
    public void Finish()
    {
        using var scope = NewDisposeScope();
        Send(window.Padded[0] - start);
        sink.Finish();
    }

    /// <inheritdoc />
    public void Dispose()
    {
        sum.Dispose();
        weightSum.Dispose();
    }

    private void Send(int slices)
    {
        // The slices of the image among the finished ones, without the padding before and behind.
        var first = Math.Max(start, window.Before[0]);
        var last = Math.Min(start + slices, window.Before[0] + window.Image[0]);
        var slice = (long)classes * window.Image[1] * window.Image[2] * sizeof(float);
        var most = (int)Math.Max(1, PieceBytes / slice);
        for (var from = first; from < last; from += most)
            SendPiece(from, Math.Min(from + most, last));
    }

    private void SendPiece(int first, int last)
    {
        using var scope = NewDisposeScope();
        var mean = Inside(sum, 1, first, last).div_(Inside(weightSum, 0, first, last))
            .to(ScalarType.Float32).cpu().contiguous();
        if (!mean.isfinite().all().item<bool>())
        {
            throw new UserException("the network's output is not finite: the training diverged, or its numbers are too "
                + "large for half precision (predict with float32)");
        }

        var piece = new Logits(classes, [last - first, window.Image[1], window.Image[2]]);
        for (var channel = 0; channel < classes; channel++)
            MemoryMarshal.Cast<byte, float>(mean[channel].bytes).CopyTo(piece.Channels[channel]);
        sink.Take(first - window.Before[0], piece);
    }

    private Tensor Inside(Tensor slab, int axis, int first, int last) => slab
        .narrow(axis, first - start, last - first)
        .narrow(axis + 1, window.Before[1], window.Image[1])
        .narrow(axis + 2, window.Before[2], window.Image[2]);
}
