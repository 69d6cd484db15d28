using static TorchSharp.torch;

namespace MedSegDsl.Runtime.Distributed;

/// <summary>A training in one process: there is nobody to talk to.</summary>
public sealed class SingleProcess : ICommunicator, IPendingSum
{
    /// <summary>The only one.</summary>
    public static readonly SingleProcess Instance = new();

    private SingleProcess() { }

    /// <inheritdoc/>
    public int Rank => 0;

    /// <inheritdoc/>
    public int Size => 1;

    /// <inheritdoc/>
    public int LocalRank => 0;

    /// <inheritdoc/>
    public int CoreSharers => 1;

    /// <inheritdoc/>
    public void Sum(Tensor tensor) { }

    /// <inheritdoc/>
    public IPendingSum BeginSum(Tensor tensor) => this;

    /// <inheritdoc/>
    public void Wait() { }

    /// <inheritdoc/>
    public void Broadcast(Tensor tensor) { }

    /// <inheritdoc/>
    public IReadOnlyList<byte[]> Gather(ReadOnlyMemory<byte> own) => [own.ToArray()];

    /// <inheritdoc/>
    public void Barrier() { }

    /// <inheritdoc/>
    public void Close() { }

    /// <inheritdoc/>
    public void Dispose() { }
}
