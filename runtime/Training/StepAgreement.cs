using MedSegDsl.Runtime.Distributed;
using static TorchSharp.torch;

namespace MedSegDsl.Runtime.Training;

/// <summary>What all processes of a training must know alike after each batch: its loss, and whether to save and stop.</summary>
/// <param name="ranks">The processes.</param>
/// <param name="preemption">Asks this process to stop; one is enough.</param>
internal sealed class StepAgreement(ICommunicator ranks, CancellationToken preemption)
{
    private bool agreed;

    /// <summary>Whether the training is to stop: on every process with the same batch.</summary>
    public bool StopAsked => ranks.Size == 1 ? preemption.IsCancellationRequested : agreed;

    /// <summary>The loss of the whole batch.</summary>
    /// <param name="contribution">This process's part of it: a float32 tensor without dimensions.</param>
    public double Loss(Tensor contribution)
    {
        if (ranks.Size == 1)
            return contribution.item<float>();
        using var scope = NewDisposeScope();
        var asked = preemption.IsCancellationRequested ? ones_like(contribution) : zeros_like(contribution);
        var both = stack([contribution, asked]);
        ranks.Sum(both);
        var sums = both.cpu().data<float>().ToArray();
        agreed = sums[1] > 0;
        return sums[0];
    }
}
