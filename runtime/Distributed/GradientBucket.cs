using MedSegDsl.Kernels;
using static TorchSharp.torch;

namespace MedSegDsl.Runtime.Distributed;

/// <summary>Parameters whose gradients are summed over the ranks together, and the memory that this is done in.</summary>
internal sealed class GradientBucket : IDisposable
{
    private readonly Tensor[] parameters;
    private readonly Tensor memory;
    private readonly Tensor[] parts;

    /// <summary>A bucket of parameters on one device.</summary>
    public GradientBucket(IEnumerable<Tensor> parameters)
    {
        using var scope = NewDisposeScope();
        this.parameters = [.. parameters];
        var first = this.parameters[0];
        memory = empty([this.parameters.Sum(p => p.numel())], first.dtype, first.device).DetachFromDisposeScope();
        parts = [.. JoinedTensors.Split(memory, this.parameters).Select(part => part.DetachFromDisposeScope())];
    }

    /// <summary>The parameter that the forward pass uses last, whose gradient comes first.</summary>
    public Tensor Latest => parameters[0];

    /// <summary>Begins the sums of the gradients as they are now; a parameter without one counts as 0.</summary>
    public IPendingSum Begin(ICommunicator ranks)
    {
        using var noGradient = no_grad();
        using var scope = NewDisposeScope();
        memory.copy_(JoinedTensors.Join([.. parameters.Select(p => p.grad ?? zeros_like(p))]));
        return ranks.BeginSum(memory);
    }

    /// <summary>Makes the sums the parameters' gradients.</summary>
    public void Return()
    {
        for (var i = 0; i < parameters.Length; i++)
            parameters[i].grad = parts[i];
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var part in parts)
            part.Dispose();
        memory.Dispose();
    }
}
