namespace MedSegDsl.Runtime.Training;

/// <summary>What an epoch asked of the machine.</summary>
/// <param name="WaitingSeconds">How long the host waited for batches, in which a GPU may still have computed; of an epoch that
/// was interrupted, in the run that ended it.</param>
/// <param name="HostBytes">The process's resident memory at the epoch's end.</param>
/// <param name="DeviceBytes">The GPU's memory in use at the epoch's end, by all programs; as libtorch keeps what it once had,
/// that is the peak so far. Null on the CPU.</param>
public sealed record EpochLoad(double WaitingSeconds, long HostBytes, long? DeviceBytes)
{
    /// <summary>The part of the epoch's time that went into waiting, 0 to 1.</summary>
    /// <param name="seconds">The epoch's wall time.</param>
    public double WaitingShare(double seconds) => seconds > 0 ? Math.Min(1, WaitingSeconds / seconds) : 0;
}
