using System.Diagnostics;
using MedSegDsl.Runtime.Training.Loading;

namespace MedSegDsl.Runtime.Training;

/// <summary>Estimates how long a training will still take from how long this run took so far. A validation batch counts as
/// a third of a training batch: it has no backward pass.</summary>
internal sealed class Pace
{
    private const double ValidationShare = 1.0 / 3;

    private readonly Stopwatch clock = Stopwatch.StartNew();
    private readonly double total;
    private double done;

    /// <summary>Starts the clock.</summary>
    public Pace(int firstEpoch, int epochs, int iterations, int validationIterations) =>
        total = (epochs - firstEpoch) * (iterations + ValidationShare * validationIterations);

    /// <summary>The time left; null before the first batch.</summary>
    public TimeSpan? Remaining => done > 0 ? clock.Elapsed * Math.Max(0, (total - done) / done) : null;

    /// <summary>A batch is done.</summary>
    public void Stepped(BatchPurpose purpose) => done += purpose == BatchPurpose.Training ? 1 : ValidationShare;
}
