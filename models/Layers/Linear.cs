using static TorchSharp.torch;

namespace MedSegDsl.Models;

/// <summary>A linear layer on the last axis: (…, inputs) → (…, outputs).</summary>
public sealed class Linear : Layer<Tensor, Tensor>
{
    private readonly bool biased;

    /// <summary>A layer with a weight (outputs, inputs) and, where asked for, a bias (outputs).</summary>
    /// <param name="inputs">Channels that come in.</param>
    /// <param name="outputs">Channels that go out.</param>
    /// <param name="bias">Whether a bias is added.</param>
    /// <param name="weightStart">How the weight starts; normal 0.02 where nothing is said, as the public code has it.</param>
    /// <param name="biasStart">How the bias starts; 0 where nothing is said.</param>
    public Linear(long inputs, long outputs, bool bias, Start? weightStart = null, Start? biasStart = null)
        : base(nameof(Linear))
    {
        biased = bias;
        AddParameter("weight", weightStart ?? Start.SmallNormal, outputs, inputs);
        if (bias)
        {
            AddParameter("bias", biasStart ?? Start.Zero, outputs);
        }
    }

    /// <summary>A layer that starts as PyTorch's do, weight and bias uniform within ±1/√inputs.</summary>
    public static Linear AsPyTorch(long inputs, long outputs, bool bias) =>
        new(inputs, outputs, bias, Start.InverseRoot(inputs), Start.InverseRoot(inputs));

    /// <summary>The weight (outputs, inputs).</summary>
    public Tensor Weight => Get("weight");

    /// <summary>The bias; only of a layer that has one.</summary>
    public Tensor Bias => Get("bias");

    /// <inheritdoc />
    public override Tensor forward(Tensor input) =>
        nn.functional.linear(input, Get("weight", input), biased ? Get("bias", input) : null);

    /// <summary>The product with the weight alone, for a caller that adds the bias elsewhere.</summary>
    public Tensor Multiply(Tensor input) => nn.functional.linear(input, Get("weight", input));
}
