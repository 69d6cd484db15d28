using static TorchSharp.torch;

namespace MedSegDsl.Runtime.Training.Losses;

/// <summary>
/// The part of a batch that a process computes the loss of, where several share the batch. Each process's loss is its
/// contribution: their sum is the loss of the whole batch, and the sum of their gradients is its gradient, whatever the parts'
/// sizes. (nnU-Net's DDP averages the processes' losses instead, which is the same where the parts are equal and nothing is
/// ignored; its Dice over the batch is gathered as here, ddp_allgather.py.)
/// </summary>
/// <param name="Share">The samples of this process over those of the batch.</param>
/// <param name="Sum">Replaces a small tensor by its sum over the processes; null where there is but one.</param>
public sealed record LossPart(double Share, Action<Tensor>? Sum)
{
    /// <summary>The whole batch.</summary>
    public static readonly LossPart Whole = new(1, null);

    /// <summary>The sum over all processes of a tensor that nobody else uses.</summary>
    internal Tensor OverBatch(Tensor own)
    {
        Sum?.Invoke(own);
        return own;
    }
}
