using MedSegDsl.Kernels;
using static TorchSharp.torch;

namespace MedSegDsl.Models;

/// <summary>
/// The two orders of axes: convolution blocks take volumes (B, C, D, H, W), mixers take tokens (B, D, H, W, C), the same
/// volume with channels last in memory.
/// </summary>
public static class Axes
{
    /// <summary>(B, C, D, H, W) → (B, D, H, W, C), contiguous.</summary>
    public static Tensor ToTokens(Tensor volume) => volume.permute(0, 2, 3, 4, 1).contiguous();

    /// <summary>
    /// (B, D, H, W, C) → (B, C, D, H, W): a view, in what libtorch calls the channels-last memory format.
    /// </summary>
    public static Tensor ToVolume(Tensor tokens) => tokens.permute(0, 4, 1, 2, 3);

    /// <summary>
    /// The volume (B, C, D, H, W) with its channels last in memory, what a GPU's convolutions compute in: handed channels first,
    /// libtorch turns every convolution's volumes round and back.
    /// </summary>
    public static Tensor ChannelsLast(Tensor volume)
    {
        var (shape, size) = (volume.shape, SizeOf(volume));
        // Of one channel both layouts have the same bytes, and only the strides say which is meant.
        return shape[1] == 1
            ? volume.contiguous().as_strided(shape, [size.Volume, 1, (long)size.H * size.W, size.W, 1])
            : ToVolume(ToTokens(volume));
    }

    /// <summary>The three axes of a volume (B, C, D, H, W).</summary>
    public static Size3 SizeOf(Tensor volume) =>
        new((int)volume.shape[2], (int)volume.shape[3], (int)volume.shape[4]);

    /// <summary>
    /// A volume (B, C, D, H, W) resized trilinearly (corners not aligned); the volume itself where the size is right.
    /// </summary>
    public static Tensor Resize(Tensor volume, Size3 size) =>
        SizeOf(volume).Equals(size)
            ? volume
            : TrilinearResizing.Apply(volume, [size.D, size.H, size.W]);
}
