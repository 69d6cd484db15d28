using static TorchSharp.torch;

namespace MedSegDsl.Models;

/// <summary>
/// Convolution → norm → activation, as a network has them: (B, C, D, H, W) → (B, outputs, D/s, H/s, W/s).
/// </summary>
public class ConvBlock : Layer<Tensor, Tensor>
{
    private readonly Convolution convolution;
    private readonly VolumeNorm norm;
    private readonly Activation? activation;

    /// <summary>A block of kernel³.</summary>
    public ConvBlock(long inputs, long outputs, int kernel, Size3 stride, Network network, bool activated = true, bool standardised = false)
        : this(
            inputs, outputs, new Size3(kernel, kernel, kernel), stride, network, network.HasBlockBias, activated, null, standardised)
    { }

    /// <summary>A block.</summary>
    /// <param name="inputs">Channels that come in.</param>
    /// <param name="outputs">Channels that go out.</param>
    /// <param name="kernel">The kernel along each axis.</param>
    /// <param name="stride">The stride along each axis.</param>
    /// <param name="network">Its norm, activation and initialisation.</param>
    /// <param name="bias">Whether the convolution has a bias.</param>
    /// <param name="activated">Whether there is an activation.</param>
    /// <param name="scale">How the norm's scale starts; 1 where nothing is said.</param>
    /// <param name="standardised">Whether the convolution's weights are standardised.</param>
    public ConvBlock(
        long inputs,
        long outputs,
        Size3 kernel,
        Size3 stride,
        Network network,
        bool bias,
        bool activated = true,
        Start? scale = null,
        bool standardised = false)
        : base(nameof(ConvBlock))
    {
        convolution = Add("conv", new Convolution(
            inputs, outputs, kernel, stride, bias, standardised: standardised, start: ConvolutionStart.Of(network)));
        norm = Add("norm", new VolumeNorm(network.Norm, outputs, scale));
        activation = activated ? network.Activation : null;
    }

    /// <inheritdoc />
    public override Tensor forward(Tensor volume) => norm.After(convolution, volume, activation);

    /// <summary>The block with a skip added and an activation after that, in the place of its own.</summary>
    /// <param name="volume">(B, C, D, H, W).</param>
    /// <param name="skip">(B, outputs, D/s, H/s, W/s).</param>
    /// <param name="after">The activation.</param>
    public Tensor WithSkip(Tensor volume, Tensor skip, Activation after) => norm.After(convolution, volume, after, skip);
}
