using Google.Protobuf;
using Tensorboard;

namespace MedSegDsl.Runtime.Training.Progress;

/// <summary>
/// The curves as one event file of TensorBoard in the fold's folder: losses, pseudo Dice, learning rate, time, memory; the
/// step is the number of epochs done. A training that goes on cuts off the epochs that it repeats, and a torn last event,
/// and appends to the same file, so that no epoch is there twice. (TorchSharp's own writer begins a new file each time and
/// cannot take anything back; its messages are used.)
/// </summary>
/// <param name="folder">The folder, which exists when the training starts.</param>
public sealed class TensorBoardFile(string folder) : ITrainingProgress
{
    private const string Prefix = "events.out.tfevents.";
    private const string FileVersion = "brain.Event:2";
    private const double Gibibyte = 1L << 30;

    private string path = "";
    private IReadOnlyList<string> classes = [];
    private long written;

    /// <inheritdoc/>
    public void Started(TrainingOverview overview)
    {
        classes = overview.Classes;
        if (overview.DoneEpochs == 0)
            RemoveEarlier();
        path = Earlier().FirstOrDefault() ?? Path.Combine(folder, $"{Prefix}{DateTimeOffset.UtcNow.ToUnixTimeSeconds()}.medseg");
        (var length, written) = Kept(path, overview.DoneEpochs);
        using var stream = new FileStream(path, FileMode.OpenOrCreate, FileAccess.Write);
        stream.SetLength(length);
        stream.Seek(0, SeekOrigin.End);
        if (length == 0)
            stream.Write(Record(new Event { FileVersion = FileVersion }));
    }

    /// <inheritdoc/>
    public void Stepped(TrainingStep step) { }

    /// <inheritdoc/>
    public void EpochEnded(Curves curves, TimeSpan remaining)
    {
        using var stream = new FileStream(path, FileMode.Append, FileAccess.Write);
        foreach (var epoch in curves.Epochs.Where(epoch => epoch.Epoch + 1 > written))
            stream.Write(Record(new Event { Step = epoch.Epoch + 1, Summary = Summarise(epoch) }));
        written = curves.Epochs.Count;
    }

    /// <inheritdoc/>
    public void Noted(string line) { }

    /// <inheritdoc/>
    public void Ended() { }

    private string[] Earlier() => Directory.GetFiles(folder, Prefix + "*");

    /// <summary>A new training's curves are not those of an earlier one.</summary>
    private void RemoveEarlier()
    {
        foreach (var file in Earlier())
            File.Delete(file);
    }

    /// <summary>How much of a file stays: whole records up to a step.</summary>
    private static (long Length, long LastStep) Kept(string path, int lastStep)
    {
        if (!File.Exists(path))
            return (0, 0);
        var bytes = File.ReadAllBytes(path);
        var (length, last) = (0, 0L);
        while (TFRecord.TryRead(bytes.AsSpan(length), out var data, out var size))
        {
            var step = Event.Parser.ParseFrom(data).Step;
            if (step > lastStep)
                break;
            (length, last) = (length + size, step);
        }

        return (length, last);
    }

    private static byte[] Record(Event one)
    {
        one.WallTime = DateTimeOffset.UtcNow.ToUnixTimeMilliseconds() / 1000.0;
        return TFRecord.Of(one.ToByteArray());
    }

    private Summary Summarise(EpochResult epoch)
    {
        var summary = new Summary();
        void Add(string tag, double? value)
        {
            if (value is { } number && double.IsFinite(number))
                summary.Value.Add(new Summary.Types.Value { Tag = tag, SimpleValue = (float)number });
        }

        Add("loss/training", epoch.TrainingLoss);
        Add("loss/validation", epoch.ValidationLoss);
        Add("pseudo_dice/mean", epoch.MeanPseudoDice);
        Add("pseudo_dice/moving_average", epoch.AveragePseudoDice);
        foreach (var (name, dice) in classes.Zip(epoch.PseudoDice))
            Add($"pseudo_dice_by_class/{name}", dice);
        Add("learning_rate", epoch.LearningRate);
        Add("epoch/seconds", epoch.Seconds);
        Add("epoch/data_waiting_share", epoch.Load?.WaitingShare(epoch.Seconds));
        Add("memory/host_GiB", epoch.Load?.HostBytes / Gibibyte);
        Add("memory/device_GiB", epoch.Load?.DeviceBytes / Gibibyte);
        return summary;
    }
}
