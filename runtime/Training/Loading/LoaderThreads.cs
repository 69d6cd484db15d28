using TorchSharp;

namespace MedSegDsl.Runtime.Training.Loading;

/// <summary>How many threads make batches.</summary>
public static class LoaderThreads
{
    /// <summary>One where the network itself needs the cores, up to eight beside a GPU.</summary>
    public static int For(torch.Device device) =>
        device.type == DeviceType.CUDA ? Math.Clamp(Environment.ProcessorCount - 1, 1, 8) : 1;
}
