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
    private readonly bool standardised;

    /// <summary>A convolution of kernel³; the weight is (outputs, inputs, kernel, kernel, kernel).</summary>
    /// <inheritdoc cref="Convolution(long, long, Size3, Size3, bool, bool, Start?, Start?, bool, ConvolutionStart?)" />
    public Convolution(
        long inputs,
        long outputs,
        int kernel,
        Size3 stride,
        bool bias,
        bool padded = true,
        Start? weightStart = null,
        Start? biasStart = null,
        bool standardised = false,
        ConvolutionStart? start = null)
        : this(
            inputs, outputs, new Size3(kernel, kernel, kernel), stride, bias, padded, weightStart, biasStart, standardised, start)
    { }

    /// <summary>A convolution; the weight is (outputs, inputs, kernel).</summary>
    /// <param name="inputs">Channels that come in.</param>
    /// <param name="outputs">Channels that go out.</param>
    /// <param name="kernel">The kernel along each axis.</param>
    /// <param name="stride">The stride along each axis.</param>
    /// <param name="bias">Whether a bias is added.</param>
    /// <param name="padded">Whether the volume is padded by half the kernel; false pads nothing.</param>
    /// <param name="weightStart">How the weight starts, where it is not as <paramref name="start"/> says.</param>
    /// <param name="biasStart">How the bias starts, where it is not as <paramref name="start"/> says.</param>
    /// <param name="standardised">Whether each output's weights are brought to mean 0 and deviation 1 in every pass.</param>
    /// <param name="start">How it starts; He's normal over the fan-out where nothing is said.</param>
    public Convolution(
        long inputs,
        long outputs,
        Size3 kernel,
        Size3 stride,
        bool bias,
        bool padded = true,
        Start? weightStart = null,
        Start? biasStart = null,
        bool standardised = false,
        ConvolutionStart? start = null)
        : base(nameof(Convolution))
    {
        this.standardised = standardised;
        strides = [stride.D, stride.H, stride.W];
        paddings = padded ? [(kernel.D - 1) / 2, (kernel.H - 1) / 2, (kernel.W - 1) / 2] : [0, 0, 0];
        biased = bias;
        start ??= ConvolutionStart.HeFanOut;
        var fanIn = inputs * kernel.Volume;
        var weight = weightStart ?? start.Weight(fanIn, outputs * kernel.Volume);
        AddParameter("weight", weight, outputs, inputs, kernel.D, kernel.H, kernel.W);
        if (bias)
        {
            AddParameter("bias", biasStart ?? start.Bias(fanIn), outputs);
        }
    }

    /// <summary>A convolution that starts as PyTorch's do, uniform within ±1/√(inputs · kernel³).</summary>
    public static Convolution AsPyTorch(
        long inputs, long outputs, int kernel, int stride, bool bias, bool padded = true) =>
        AsPyTorch(inputs, outputs, kernel, new Size3(stride, stride, stride), bias, padded);

    /// <summary>A convolution that starts as PyTorch's do, uniform within ±1/√(inputs · kernel³).</summary>
    public static Convolution AsPyTorch(
        long inputs, long outputs, int kernel, Size3 stride, bool bias, bool padded = true) =>
        new(inputs, outputs, kernel, stride, bias, padded, Start.InverseRoot(inputs * kernel * kernel * kernel));

    /// <summary>The bias (outputs) as the module holds it, or null.</summary>
    public Tensor? Bias => biased ? Get("bias") : null;

    /// <inheritdoc />
    public override Tensor forward(Tensor volume) => Convolve(volume, biased ? Get("bias", volume) : null);

    /// <summary>The convolution without its bias, for a layer that knows what becomes of it.</summary>
    public Tensor WithoutBias(Tensor volume) => Convolve(volume, null);

    private Tensor Convolve(Tensor volume, Tensor? bias)
    {
        using var scope = NewDisposeScope();
        var weight = standardised ? Cast(WeightStandardisation.Of(Get("weight")), volume.dtype) : Get("weight", volume);
        return nn.functional.conv3d(volume, weight, bias, strides, paddings).MoveToOuterDisposeScope();
    }
}
