using MedSegDsl.Kernels.Cuda;
using static TorchSharp.torch;

namespace MedSegDsl.Kernels;

/// <summary>A volume in float32 with the channels first in memory, as losses and files take it.</summary>
public static class ChannelsFirst
{
    /// <summary>Casts and lays out; the volume itself where it is so already. Differentiable.</summary>
    /// <param name="volume">(B, C, D, H, W), of any type and layout.</param>
    /// <returns>The same in float32; on a GPU one pass over it.</returns>
    public static Tensor Apply(Tensor volume) =>
        volume.shape[1] is > 1 and <= CudaLayout.MostChannels && ElementTypes.AreSupported(volume) && !volume.is_contiguous()
            ? CudaChannelsFirstFunction.Copy(volume)
            : volume.In(ScalarType.Float32);
}
