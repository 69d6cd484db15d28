using MedSegDsl.Kernels;
using static TorchSharp.torch;

namespace MedSegDsl.Runtime.Training.Optimization;

/// <summary>
/// The trained parameters of a network seen as one vector, so that an optimizer's step is a handful of operations and
/// not a handful for each of several hundred parameters.
/// </summary>
internal sealed class ParameterVector
{
    private readonly (string Name, Tensor Parameter)[] parameters;

    /// <summary>Takes parameters with their state-dict names.</summary>
    public ParameterVector(IEnumerable<(string Name, Tensor Parameter)> parameters) =>
        this.parameters = [.. parameters];

    /// <summary>The parameters joined: a copy.</summary>
    public Tensor Weights() => JoinedTensors.Join(Tensors);

    /// <summary>The gradients joined: a copy.</summary>
    /// <exception cref="InvalidOperationException">A parameter has none.</exception>
    public Tensor Gradients() => JoinedTensors.Join(
        [.. parameters.Select(p => p.Parameter.grad ?? throw new InvalidOperationException($"{p.Name} has no gradient"))]);

    /// <summary>A vector of zeros of the same length and on the same device.</summary>
    public Tensor Zeros() => zeros(parameters.Sum(p => p.Parameter.numel()), device: parameters[0].Parameter.device);

    /// <summary>Adds a vector to the parameters.</summary>
    public void Add(Tensor vector) => JoinedTensors.Add(vector, Tensors);

    /// <summary>A vector's parts by parameter name, shaped like the parameters: views.</summary>
    public IEnumerable<(string Name, Tensor Part)> Named(Tensor vector) =>
        parameters.Zip(JoinedTensors.Split(vector, Tensors), (p, part) => (p.Name, part));

    private IReadOnlyList<Tensor> Tensors => [.. parameters.Select(p => p.Parameter)];
}
