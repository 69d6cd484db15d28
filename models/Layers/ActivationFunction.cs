using static TorchSharp.torch;

namespace MedSegDsl.Models;

/// <summary>The non-linearities of the DSL as functions.</summary>
public static class ActivationFunction
{
    /// <summary>What an activation multiplies negative numbers with, 1 for none; null where it is not linear there.</summary>
    public static double? NegativeSlope(Activation? activation) => activation switch
    {
        null => 1,
        Activation.LeakyReLU leaky => leaky.slope,
        { IsReLU: true } => 0,
        _ => null,
    };

    /// <summary>
    /// Applies an activation to a tensor of any shape that nobody else reads: it is overwritten where the function's
    /// gradient can be had from its result, which saves a copy of the volume for each convolution block.
    /// </summary>
    public static Tensor Overwrite(Activation activation, Tensor x) => activation switch
    {
        Activation.LeakyReLU leaky => nn.functional.leaky_relu(x, leaky.slope, inplace: true),
        { IsReLU: true } => nn.functional.relu(x, inplace: true),
        { IsSiLU: true } => nn.functional.silu(x),
        _ => nn.functional.gelu(x),
    };
}
