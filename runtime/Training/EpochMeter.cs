using MedSegDsl.Kernels.Cuda;
using MedSegDsl.Runtime.Measurement;
using MedSegDsl.Runtime.Training.Loading;
using TorchSharp;

namespace MedSegDsl.Runtime.Training;

/// <summary>Measures what epochs ask of the machine, and says once when the loader holds the training up.</summary>
/// <param name="device">Where the network is.</param>
/// <param name="processes">The processes that share the machine's cores.</param>
internal sealed class EpochMeter(torch.Device device, int processes)
{
    private const double MuchWaiting = 0.2;

    private int epochs;
    private bool hasWarned;

    /// <summary>An epoch is over: what it asked for.</summary>
    /// <param name="waiting">How long it waited for batches.</param>
    public EpochLoad EndEpoch(TimeSpan waiting)
    {
        var load = new EpochLoad(
            waiting.TotalSeconds,
            PeakMemory.Resident(),
            device.type == DeviceType.CUDA ? GpuMemory.Used() : null);
        epochs++;
        return load;
    }

    /// <summary>A line where too much of an epoch went into waiting, with what to do; the first one of a run, in which the
    /// loader fills its queue, does not count. Null otherwise, and after it has been said.</summary>
    public string? Advice(EpochResult epoch)
    {
        if (hasWarned || epochs < 2 || epoch.Load?.WaitingShare(epoch.Seconds) is not { } share || share < MuchWaiting)
            return null;
        hasWarned = true;
        return $"the loader is the bottleneck: {share:P0} of epoch {epoch.Epoch + 1} went into waiting for batches "
            + $"({LoaderThreads.For(device, processes)} loader threads, {Environment.ProcessorCount} cores): give the process more cores, "
            + $"raise {LoaderThreads.Variable}, preprocess without --compress, or keep nnUNet_preprocessed on a local disk";
    }
}
