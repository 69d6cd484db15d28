namespace MedSegDsl.Runtime.Distributed;

/// <summary>
/// The samples of each batch that a rank takes (nnU-Net v2, nnUNetTrainer, _set_batch_size_and_oversample): the batch is cut
/// into consecutive parts of equal size, the first ranks one sample more where that does not come out even. Whether a sample
/// must contain foreground follows from its place in the whole batch.
/// </summary>
/// <param name="First">The first sample.</param>
/// <param name="Count">How many samples.</param>
/// <param name="Batch">Samples in the whole batch.</param>
public readonly record struct BatchPart(int First, int Count, int Batch)
{
    /// <summary>What this part is of the whole.</summary>
    public double Share => (double)Count / Batch;

    /// <summary>All of a batch.</summary>
    public static BatchPart Whole(int batch) => new(0, batch, batch);

    /// <summary>A rank's part.</summary>
    /// <param name="batch">Samples in the whole batch.</param>
    /// <param name="rank">0 … ranks − 1.</param>
    /// <param name="ranks">The number of ranks.</param>
    /// <exception cref="UserException">There are fewer samples than ranks.</exception>
    public static BatchPart Of(int batch, int rank, int ranks)
    {
        if (batch < ranks)
            throw new UserException(
                $"a batch of {batch} cannot be divided among {ranks} processes: start at most {batch}, or set a larger batch");
        var (size, rest) = Math.DivRem(batch, ranks);
        return new BatchPart(rank * size + Math.Min(rank, rest), size + (rank < rest ? 1 : 0), batch);
    }
}
