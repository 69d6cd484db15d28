using static TorchSharp.torch;

namespace MedSegDsl.Models;

/// <summary>
/// A dense 3D convolution, (B, C, D, H, W) → (B, outputs, D', H', W'), padded by half its kernel: an odd kernel at stride
/// s makes ⌈size / s⌉.
/// </summary>
public sealed class Convolution : Layer<Tensor, Tensor>
{
    private readonly long[] strides;
    private readonly long[] paddings;
    private readonly bool biased;

    /// <summary>A convolution of kernel³; the weight is (outputs, inputs, kernel, kernel, kernel).</summary>
    /// <param name="inputs">Channels that come in.</param>
    /// <param name="outputs">Channels that go out.</param>
    /// <param name="kernel">The kernel along each axis.</param>
    /// <param name="stride">The stride along each axis.</param>
    /// <param name="bias">Whether a bias is added.</param>
    /// <param name="padded">Whether the volume is padded by half the kernel; false pads nothing.</param>
    public Convolution(long inputs, long outputs, int kernel, Size3 stride, bool bias, bool padded = true)
        : base(nameof(Convolution))
    {
        strides = [stride.D, stride.H, stride.W];
        var padding = padded ? (kernel - 1) / 2 : 0;
        paddings = [padding, padding, padding];
        biased = bias;
        long volume = (long)kernel * kernel * kernel;
        AddParameter("weight", Start.HeFanOut(outputs * volume), outputs, inputs, kernel, kernel, kernel);
        if (bias)
        {
            AddParameter("bias", Start.InverseRoot(inputs * volume), outputs);
        }
    }

    /// <inheritdoc />
    public override Tensor forward(Tensor volume) =>
        nn.functional.conv3d(volume, Get("weight", volume), biased ? Get("bias", volume) : null, strides, paddings);
}
