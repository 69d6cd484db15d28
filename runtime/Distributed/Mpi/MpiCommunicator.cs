using System.Collections.Concurrent;
using System.Runtime.InteropServices;
using MedSegDsl.Runtime.Distributed.Control;
using static TorchSharp.torch;

namespace MedSegDsl.Runtime.Distributed.Mpi;

/// <summary>
/// Ranks on CPUs, started by mpirun or srun. A thread of its own makes every call of MPI, one after the other, so that sums
/// go on while the backward pass computes. MPI's calls do not come back where a rank has died; connections with rank 0 tell
/// (<see cref="RankWatch"/>), and the program that started the ranks ends them as well, mpirun after two seconds.
/// </summary>
public sealed class MpiCommunicator : ICommunicator
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    private readonly BlockingCollection<Action> calls = [];
    private readonly Thread thread;
    private readonly LostRank lost;
    private readonly ControlChannel? channel;
    private OpenMpi? mpi;

    /// <summary>Begins MPI; all ranks do so together.</summary>
    /// <param name="place">The place that the environment names.</param>
    /// <exception cref="UserException">Open MPI is missing, or knows of another number of processes.</exception>
    public MpiCommunicator(RankPlace place)
    {
        lost = new LostRank(place);
        thread = new Thread(Work) { IsBackground = true, Name = "MPI" };
        thread.Start();
        Run(() => mpi = OpenMpi.Start());
        (Rank, Size, LocalRank) = (mpi!.Rank, mpi.Size, place.LocalRank);
        if (Size != place.Size)
            throw new RankException(
                $"{place.Launcher} has started {place.Size} processes, but Open MPI knows of {Size}: start them with its own mpirun, or with srun --mpi=pmix",
                isSaid: place.Rank > 0);
        CoreSharers = CoreSharing.Count(this);
        channel = Watch(place);
    }

    /// <inheritdoc/>
    public int Rank { get; }

    /// <inheritdoc/>
    public int Size { get; }

    /// <inheritdoc/>
    public int LocalRank { get; }

    /// <inheritdoc/>
    public int CoreSharers { get; }

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
        Barrier();
        channel?.Watch.Part();
        Run(mpi!.Close);
        channel?.Dispose();
        calls.CompleteAdding();
        thread.Join();
    }

    /// <summary>Waits for nothing: where ranks have failed, MPI's calls do not come back.</summary>
    public void Dispose()
    {
        channel?.Dispose();
        if (!calls.IsAddingCompleted)
            calls.CompleteAdding();
    }

    /// <summary>Connects the ranks as well; null where the machines cannot reach each other by name.</summary>
    private ControlChannel? Watch(RankPlace place)
    {
        var machines = this.Gather(Environment.MachineName);
        var point = MeetingPoint.New(machines.Distinct().Count() > 1 ? machines[0] : MeetingPoint.Loopback);
        var (port, token) = (Gather(BitConverter.GetBytes(point.Port))[0], Gather(point.Token)[0]);
        ControlChannel? joined = null;
        try
        {
            joined = ControlChannel.Join(place, point with { Port = BitConverter.ToInt32(port), Token = token }, Patience, lost.Tell);
        }
        catch (UserException)
        {
            // The training goes on without.
        }

        if (Gather(new byte[] { (byte)(joined is null ? 0 : 1) }).All(rank => rank[0] == 1))
            return joined;
        joined?.Watch.Part();
        Barrier();
        joined?.Dispose();
        return null;
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
        var pending = new Pending(lost);
        calls.Add(() => pending.Run(call));
        return pending;
    }

    private void Work()
    {
        foreach (var call in calls.GetConsumingEnumerable())
            call();
    }

    private sealed class Pending(LostRank lost) : IPendingSum
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

        public void Wait()
        {
            if (Task.WaitAny(done.Task, lost.Found) == 1 && lost.Error is { } gone)
                throw gone;
            try
            {
                done.Task.GetAwaiter().GetResult();
            }
            catch (IOException cause)
            {
                throw lost.Explain(cause.Message);
            }
        }
    }
}
