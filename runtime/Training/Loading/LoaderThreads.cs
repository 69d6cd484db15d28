using TorchSharp;

namespace MedSegDsl.Runtime.Training.Loading;

/// <summary>How many threads make batches.</summary>
public static class LoaderThreads
{
    /// <summary>nnU-Net's environment variable for another number of them.</summary>
    public const string Variable = "nnUNet_n_proc_DA";

    /// <summary>What the environment says; else one where the network itself needs the cores, up to eight beside a GPU.</summary>
    /// <param name="device">Where the network is.</param>
    /// <param name="processes">The processes that share the machine's cores.</param>
    /// <exception cref="UserException">The environment says something that is no number of threads.</exception>
    public static int For(torch.Device device, int processes = 1)
    {
        var set = Environment.GetEnvironmentVariable(Variable);
        if (string.IsNullOrEmpty(set))
            return device.type == DeviceType.CUDA ? Math.Clamp(Environment.ProcessorCount / processes - 1, 1, 8) : 1;
        return int.TryParse(set, out var count) && count > 0
            ? count
            : throw new UserException($"{Variable} is {set}: set it to a number of loader threads from 1, or leave it out");
    }
}
