using System.Globalization;

namespace MedSegDsl.Runtime.Training.Progress;

/// <summary>Numbers and epochs as text, the same on the console and in the log.</summary>
internal static class ProgressText
{
    /// <summary>Four digits after the point, or a dash for what is not a number.</summary>
    public static string Number(double value) =>
        double.IsNaN(value) ? "-" : value.ToString("0.0000", CultureInfo.InvariantCulture);

    /// <summary><c>1 h 05 min</c>, <c>3 min 20 s</c>, <c>7 s</c>.</summary>
    public static string Duration(TimeSpan time) => time switch
    {
        { TotalHours: >= 1 } => $"{(int)time.TotalHours} h {time.Minutes:00} min",
        { TotalMinutes: >= 1 } => $"{time.Minutes} min {time.Seconds:00} s",
        _ => $"{(int)Math.Ceiling(time.TotalSeconds)} s",
    };

    /// <summary>One epoch in a line.</summary>
    public static string Epoch(EpochResult epoch, int epochs, TimeSpan remaining) =>
        $"epoch {epoch.Epoch + 1}/{epochs}: training loss {Number(epoch.TrainingLoss)}, validation loss "
        + $"{Number(epoch.ValidationLoss)}, pseudo Dice {Number(epoch.MeanPseudoDice)} "
        + $"[{string.Join(" ", epoch.PseudoDice.Select(Number))}], average {Number(epoch.AveragePseudoDice)}, learning rate "
        + $"{epoch.LearningRate.ToString("0.######", CultureInfo.InvariantCulture)}, "
        + $"{epoch.Seconds.ToString("0.0", CultureInfo.InvariantCulture)} s, {Duration(remaining)} left";
}
