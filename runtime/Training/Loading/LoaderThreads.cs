using TorchSharp;

namespace MedSegDsl.Runtime.Training.Loading;

/// <summary>How many threads make batches.</summary>
public static class LoaderThreads
{
    /// <summary>One where the network itself needs the cores, up to eight beside a GPU.</summary>
    /// <param name="device">Where the network is.</param>
    /// <param name="processes">The processes that share the machine's cores.</param>
    public static int For(torch.Device device, int processes = 1) =>
        device.type == DeviceType.CUDA ? Math.Clamp(Environment.ProcessorCount / processes - 1, 1, 8) : 1;
}
