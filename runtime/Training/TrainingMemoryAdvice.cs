using MedSegDsl.Kernels.Cuda;
using TorchSharp;

namespace MedSegDsl.Runtime.Training;

/// <summary>What to do where a training does not fit into memory, from the definition's estimate.</summary>
internal static class TrainingMemoryAdvice
{
    /// <summary>What a step takes beyond the estimate, workspaces and gaps, is left free.</summary>
    private const double UsableShare = 0.8;

    /// <summary>The line about a training that ran out of memory.</summary>
    /// <param name="setup">The training.</param>
    /// <param name="cause">What was thrown.</param>
    public static UserException For(TrainingSetup setup, Exception cause)
    {
        var isGpu = setup.Device.type == DeviceType.CUDA;
        return For(setup, isGpu ? GpuMemory.Total() : GC.GetGCMemoryInfo().TotalAvailableMemoryBytes, cause);
    }

    /// <summary>The same for a device of so many bytes.</summary>
    public static UserException For(TrainingSetup setup, long memory, Exception cause)
    {
        var network = setup.Network;
        var patch = new Size3(setup.Patch[0], setup.Patch[1], setup.Patch[2]);
        var processes = setup.Ranks.Size;
        var batch = (setup.Batch + processes - 1) / processes;
        var bytes = setup.Experiment.Precision.IsFloat32 ? sizeof(float) : sizeof(ushort);
        var estimate = TrainingMemory.estimate(bytes, batch, patch, network.InChannels, network.Classes, setup.Definition)?.Value ?? memory;
        var limit = (long)(UsableShare * Math.Min(memory, estimate));
        var advice = TrainingMemory.within(limit, bytes, batch, patch, network.InChannels, network.Classes, setup.Definition)?.Value switch
        {
            SmallerSetting.Batch smaller => $"a batch of {smaller.Item * processes} should fit (--batch {smaller.Item * processes}, withBatch {smaller.Item * processes})",
            SmallerSetting.Patch smaller => $"a batch of {processes} with the patch {smaller.Item} should fit (--batch {processes} --patch {smaller.Item.D}x{smaller.Item.H}x{smaller.Item.W})",
            _ => "no smaller batch or patch fits: take a smaller network or another device",
        };
        return new UserException(
            $"{TrainingDevice.Describe(setup.Device)} ran out of its {Gibibytes(memory)} of memory: {batch} patches of {patch} take about "
            + $"{Gibibytes(estimate)} by the network's definition; {advice}",
            cause);
    }

    private static string Gibibytes(long bytes) => FormattableString.Invariant($"{bytes / (double)(1L << 30):F1} GiB");
}
