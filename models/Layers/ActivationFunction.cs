using static TorchSharp.torch;

namespace MedSegDsl.Models;

/// <summary>The non-linearities of the DSL as functions.</summary>
public static class ActivationFunction
{
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
