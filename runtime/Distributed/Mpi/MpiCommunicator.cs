using System.Collections.Concurrent;
using System.Runtime.InteropServices;
using static TorchSharp.torch;

namespace MedSegDsl.Runtime.Distributed.Mpi;

/// <summary>
/// Ranks on CPUs, started by mpirun or srun. A thread of its own makes every call of MPI, one after the other, so that sums
/// go on while the backward pass computes. The program that started the ranks ends them all where one dies.
/// </summary>
public sealed class MpiCommunicator : ICommunicator
{
    private readonly BlockingCollection<Action> calls = [];
    private readonly Thread thread;
    private OpenMpi? mpi;

    /// <summary>Begins MPI; all ranks do so together.</summary>
    /// <param name="place">The place that the environment names.</param>
    /// <exception cref="UserException">Open MPI is missing, or knows of another number of processes.</exception>
    public MpiCommunicator(RankPlace place)
    {
        thread = new Thread(Work) { IsBackground = true, Name = "MPI" };
        thread.Start();
        Run(() => mpi = OpenMpi.Start());
        (Rank, Size, LocalRank, LocalSize) = (mpi!.Rank, mpi.Size, place.LocalRank, place.LocalSize);
        if (Size != place.Size)
            throw new UserException(
                $"{place.Launcher} has started {place.Size} processes, but Open MPI knows of {Size}: start them with its own mpirun, or with srun --mpi=pmix");
    }

    /// <inheritdoc/>
    public int Rank { get; }

    /// <inheritdoc/>
    public int Size { get; }

    /// <inheritdoc/>
    public int LocalRank { get; }

    /// <inheritdoc/>
    public int LocalSize { get; }

    /// <inheritdoc/>
    public void Sum(Tensor tensor) => BeginSum(tensor).Wait();

    /// <inheritdoc/>
    public IPendingSum BeginSum(Tensor tensor)
    {
        var (memory, count, type) = (Memory(tensor), tensor.numel(), tensor.dtype);
        return mpi!.Sums(type)
            ? Enqueue(() => mpi.Sum(memory, count, type))
            : throw new ArgumentException($"sums of {type} are not made", nameof(tensor));
    }

    /// <inheritdoc/>
    public void Broadcast(Tensor tensor)
    {
        var (memory, count) = (Memory(tensor), tensor.numel() * tensor.element_size());
        Run(() => mpi!.Broadcast(memory, count));
    }

    /// <inheritdoc/>
    public IReadOnlyList<byte[]> Gather(ReadOnlyMemory<byte> own)
    {
        byte[][] parts = [];
        Run(() =>
        {
            var lengths = MemoryMarshal.Cast<byte, int>(mpi!.Gather(BitConverter.GetBytes(own.Length))).ToArray();
            var longest = lengths.Max();
            var padded = new byte[longest];
            own.Span.CopyTo(padded);
            var all = mpi.Gather(padded);
            parts = [.. lengths.Select((length, rank) => all.AsSpan(rank * longest, length).ToArray())];
        });
        return parts;
    }

    /// <inheritdoc/>
    public void Barrier() => Gather(new byte[1]);

    /// <inheritdoc/>
    public void Close()
    {
        Run(mpi!.Close);
        calls.CompleteAdding();
        thread.Join();
    }

    /// <summary>Waits for nothing: where ranks have failed, MPI's calls do not come back.</summary>
    public void Dispose()
    {
        if (!calls.IsAddingCompleted)
            calls.CompleteAdding();
    }

    private static unsafe nint Memory(Tensor tensor)
    {
        if (tensor.device_type != TorchSharp.DeviceType.CPU || !tensor.is_contiguous())
            throw new ArgumentException("a contiguous tensor on the CPU is wanted", nameof(tensor));
        fixed (byte* memory = tensor.bytes)
            return (nint)memory; // libtorch's memory does not move
    }

    private void Run(Action call) => Enqueue(call).Wait();

    private Pending Enqueue(Action call)
    {
        var pending = new Pending();
        calls.Add(() => pending.Run(call));
        return pending;
    }

    private void Work()
    {
        foreach (var call in calls.GetConsumingEnumerable())
            call();
    }

    private sealed class Pending : IPendingSum
    {
        private readonly TaskCompletionSource done = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public void Run(Action call)
        {
            try
            {
                call();
                done.SetResult();
            }
            catch (Exception cause)
            {
                done.SetException(cause);
            }
        }

        public void Wait() => done.Task.GetAwaiter().GetResult();
    }
}
