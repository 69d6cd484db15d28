namespace MedSegDsl.Models;

/// <summary>How convolutions start.</summary>
/// <param name="Weight">Of a weight, by its fan-in (inputs · kernel volume) and fan-out (outputs · kernel volume).</param>
/// <param name="Transposed">
/// Of a transposed convolution's weight, by what PyTorch takes for its fan-in: outputs · kernel volume.
/// </param>
/// <param name="Bias">Of a bias, by the weight's fan-in.</param>
public sealed record ConvolutionStart(Func<long, long, Start> Weight, Func<long, Start> Transposed, Func<long, Start> Bias)
{
    /// <summary>The slope of leaky ReLU that nnU-Net's start has in mind.</summary>
    private const double Slope = 0.01;

    /// <summary>PyTorch's defaults.</summary>
    public static readonly ConvolutionStart PyTorch =
        new((fanIn, _) => Start.InverseRoot(fanIn), Start.InverseRoot, Start.InverseRoot);

    /// <summary>
    /// The public code of UlikeMamba, CoTr and others: He's normal over the fan-out for ordinary convolutions alone.
    /// </summary>
    public static readonly ConvolutionStart HeFanOut =
        new((_, fanOut) => Start.HeFanOut(fanOut), Start.InverseRoot, Start.InverseRoot);

    /// <summary>nnU-Net's trainer: He's normal for leaky ReLU over the fan-in, biases 0 (InitWeights_He).</summary>
    public static readonly ConvolutionStart He = new((fanIn, _) => Leaky(fanIn), Leaky, _ => Start.Zero);

    /// <summary>What a network's definition asks for.</summary>
    public static ConvolutionStart Of(Network network) =>
        network.Initialisation.IsHe ? He : network.Architecture.IsUNet ? PyTorch : HeFanOut;

    private static Start Leaky(long fanIn) => new Start.Normal(Math.Sqrt(2.0 / (1.0 + Slope * Slope) / fanIn));
}
