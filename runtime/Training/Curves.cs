using System.Text.Json.Serialization;

namespace MedSegDsl.Runtime.Training;

/// <summary>What one epoch gave.</summary>
/// <param name="Epoch">Counted from 0.</param>
/// <param name="LearningRate">The epoch's rate.</param>
/// <param name="TrainingLoss">Mean over the training batches.</param>
/// <param name="ValidationLoss">Mean over the validation batches.</param>
/// <param name="PseudoDice">Dice of the validation patches for each foreground class or region; NaN where the class is in
/// neither truth nor prediction.</param>
/// <param name="MeanPseudoDice">Their mean, NaN left out.</param>
/// <param name="AveragePseudoDice">The exponential moving average of the means so far; NaN before the first number.</param>
/// <param name="Seconds">Wall time of training and validation.</param>
public sealed record EpochResult(
    int Epoch,
    double LearningRate,
    double TrainingLoss,
    double ValidationLoss,
    IReadOnlyList<double> PseudoDice,
    double MeanPseudoDice,
    double AveragePseudoDice,
    double Seconds)
{
    /// <summary>What it asked of the machine; null in curves of earlier versions.</summary>
    public EpochLoad? Load { get; init; }
}

/// <summary>The epochs of a training so far, those before an interruption included.</summary>
public sealed class Curves
{
    private readonly List<EpochResult> epochs;

    /// <summary>The curves of epochs already done.</summary>
    [JsonConstructor]
    public Curves(IReadOnlyList<EpochResult> epochs) => this.epochs = [.. epochs];

    /// <summary>The epochs, the oldest first.</summary>
    public IReadOnlyList<EpochResult> Epochs => epochs;

    /// <summary>The best moving average of the pseudo Dice; null before the first number.</summary>
    [JsonIgnore]
    public double? Best => epochs.Select(e => e.AveragePseudoDice).Where(v => !double.IsNaN(v)).Cast<double?>().Max();

    /// <summary>Epochs since the one with the best moving average; 0 while there is none.</summary>
    [JsonIgnore]
    public int SinceBest => Best is { } best ? epochs.Count - 1 - epochs.FindIndex(e => e.AveragePseudoDice == best) : 0;

    /// <summary>Appends an epoch.</summary>
    /// <param name="learningRate">The epoch's rate.</param>
    /// <param name="trainingLoss">Mean over the training batches.</param>
    /// <param name="validationLoss">Mean over the validation batches.</param>
    /// <param name="pseudoDice">For each foreground class or region.</param>
    /// <param name="seconds">Wall time.</param>
    /// <param name="load">What the epoch asked of the machine.</param>
    /// <returns>The epoch, and whether its moving average is the best so far.</returns>
    public (EpochResult Epoch, bool IsBest) Add(
        double learningRate,
        double trainingLoss,
        double validationLoss,
        IReadOnlyList<double> pseudoDice,
        double seconds,
        EpochLoad? load = null)
    {
        var best = Best;
        var mean = pseudoDice.Where(d => !double.IsNaN(d)).DefaultIfEmpty(double.NaN).Average();
        var before = epochs.Count > 0 ? epochs[^1].AveragePseudoDice : double.NaN;
        // nnU-Net's average would stay NaN for good after one epoch without any foreground; here that epoch is passed over.
        var average = double.IsNaN(mean) ? before : ExponentialAverage.Next(double.IsNaN(before) ? null : before, mean);
        var epoch = new EpochResult(
            epochs.Count, learningRate, trainingLoss, validationLoss, pseudoDice, mean, average, seconds)
        {
            Load = load,
        };
        epochs.Add(epoch);
        return (epoch, best is null ? !double.IsNaN(average) || epochs.Count == 1 : average > best);
    }
}
