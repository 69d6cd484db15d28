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
        + $"{epoch.Seconds.ToString("0.0", CultureInfo.InvariantCulture)} s{(epoch.Load is { } load ? ", " + Load(load, epoch.Seconds) : "")}, "
        + $"{Duration(remaining)} left";

    /// <summary>What an epoch asked of the machine: <c>3 % waiting for data, 2.1 GiB of memory, 10.4 GiB on the GPU</c>.</summary>
    public static string Load(EpochLoad load, double seconds)
    {
        var share = (100 * load.WaitingShare(seconds)).ToString("0", CultureInfo.InvariantCulture);
        return $"{share} % waiting for data, {Gibibytes(load.HostBytes)} of memory"
            + (load.DeviceBytes is { } device ? $", {Gibibytes(device)} on the GPU" : "");
    }

    private static string Gibibytes(long bytes) =>
        (bytes / (double)(1L << 30)).ToString("0.0", CultureInfo.InvariantCulture) + " GiB";
}
