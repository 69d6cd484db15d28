using static TorchSharp.torch;

namespace MedSegDsl.Runtime.Distributed;

/// <summary>
/// The processes, called ranks, that train one network together. Every rank makes the same calls in the same order, from one
/// thread at a time. Where another rank has ended, or has failed, calls throw a <see cref="RankException"/>.
/// </summary>
public interface ICommunicator : IDisposable
{
    /// <summary>This process's number, 0 … Size − 1. Rank 0 writes the files.</summary>
    int Rank { get; }

    /// <summary>The number of processes.</summary>
    int Size { get; }

    /// <summary>This process's number among those of the training on its machine.</summary>
    int LocalRank { get; }

    /// <summary>The processes of the training that may run on this one's cores, itself included.</summary>
    int CoreSharers { get; }

    /// <summary>Replaces a tensor's numbers by their sums over all ranks, the same bits on each.</summary>
    /// <param name="tensor">Contiguous, in float32, float64 or int64, of one shape on all ranks.</param>
    void Sum(Tensor tensor);

    /// <summary>The same beside other work: the tensor's memory is left alone until the sum has been waited for.</summary>
    IPendingSum BeginSum(Tensor tensor);

    /// <summary>Replaces a tensor's bytes by those of rank 0.</summary>
    /// <param name="tensor">Contiguous, of one type and shape on all ranks.</param>
    void Broadcast(Tensor tensor);

    /// <summary>A few bytes from every rank, in the order of the ranks; lengths may differ.</summary>
    IReadOnlyList<byte[]> Gather(ReadOnlyMemory<byte> own);

    /// <summary>Waits until every rank is here.</summary>
    void Barrier();

    /// <summary>The orderly end, of all ranks together. A rank that is disposed without it has failed, and ends the others.</summary>
    void Close();
}

/// <summary>A sum that is being made.</summary>
public interface IPendingSum
{
    /// <summary>What is computed from the tensor after this call sees the sum.</summary>
    void Wait();
}
