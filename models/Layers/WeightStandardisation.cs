using static TorchSharp.torch;

namespace MedSegDsl.Models;

/// <summary>Weight standardisation (Qiao et al., 2019), as CoTr's code has it.</summary>
public static class WeightStandardisation
{
    private const double Epsilon = 1e-12;

    /// <summary>
    /// A convolution's weight (outputs, inputs, kernel) with mean 0 and deviation 1 (unbiased) over each output's numbers.
    /// </summary>
    public static Tensor Of(Tensor weight)
    {
        using var scope = NewDisposeScope();
        var centred = weight - weight.mean([1, 2, 3, 4], keepdim: true);
        var deviation = (centred.var([1, 2, 3, 4], unbiased: true, keepdim: true) + Epsilon).sqrt();
        return (centred / deviation).MoveToOuterDisposeScope();
    }
}
