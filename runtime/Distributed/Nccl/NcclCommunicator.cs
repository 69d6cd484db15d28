using MedSegDsl.Kernels.Cuda;
using MedSegDsl.Runtime.Distributed.Control;
using static TorchSharp.torch;

namespace MedSegDsl.Runtime.Distributed.Nccl;

/// <summary>
/// Ranks with a GPU each. Tensors are summed on the GPUs by NCCL; small values go over connections with rank 0, which also say when
/// a process is gone: then what waits for it on the GPU is ended, and the next call throws.
/// </summary>
public sealed class NcclCommunicator : ICommunicator
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(5);

    private readonly ControlChannel channel;
    private readonly GpuGroup? group;
    private readonly Sums sums;
    private readonly LostRank lost;

    /// <summary>Joins the other ranks; returns when all have come.</summary>
    /// <param name="place">This process's place.</param>
    /// <param name="point">Where the ranks meet.</param>
    /// <param name="device">This process's GPU.</param>
    /// <exception cref="UserException">A rank has not come, two have one GPU, or NCCL is missing.</exception>
    public NcclCommunicator(RankPlace place, MeetingPoint point, int device)
    {
        (Rank, Size, LocalRank) = (place.Rank, place.Size, place.LocalRank);
        lost = new LostRank(place);
        if (point.IsLocal)
        {
            // NCCL's own connections stay on the machine as well, unless the user has chosen.
            SystemCalls.SetDefault("NCCL_SOCKET_IFNAME", "lo");
        }

        channel = ControlChannel.Join(place, point, Patience, Lose);
        try
        {
            RefuseSharedGpus(device);
            CoreSharers = CoreSharing.Count(this);
            var id = Gather(Rank == 0 ? GpuGroup.NewId() : [])[0];
            group = new GpuGroup(id, Rank, Size, device);
        }
        catch (CudaException cause)
        {
            channel.Dispose();
            throw new UserException(cause.Message, cause);
        }
        catch
        {
            channel.Dispose();
            throw;
        }

        sums = new Sums(this);
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
    public void Sum(Tensor tensor) => Call(() => group!.Sum(tensor));

    /// <inheritdoc/>
    public IPendingSum BeginSum(Tensor tensor)
    {
        Call(() => group!.BeginSum(tensor));
        return sums;
    }

    /// <inheritdoc/>
    public void Broadcast(Tensor tensor) => Call(() => group!.Broadcast(tensor));

    /// <inheritdoc/>
    public IReadOnlyList<byte[]> Gather(ReadOnlyMemory<byte> own)
    {
        IReadOnlyList<byte[]> all = [];
        Call(() => all = channel.Gather(own));
        return all;
    }

    /// <inheritdoc/>
    public void Barrier() => Gather(default);

    /// <inheritdoc/>
    public void Close()
    {
        Barrier();
        channel.Watch.Part();
        group?.Dispose();
        channel.Dispose();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        channel.Dispose();
        group?.Abort();
    }

    private void RefuseSharedGpus(int device)
    {
        var gpus = this.Gather($"{Environment.MachineName} {GpuGroup.AddressOf(device)}");
        if (gpus.GroupBy(gpu => gpu).FirstOrDefault(same => same.Count() > 1) is { } shared)
            throw this.Common($"{shared.Count()} processes have the GPU {shared.Key}: start one for each GPU of a machine");
    }

    /// <summary>What goes wrong because a rank is gone is reported as that.</summary>
    private void Call(Action call)
    {
        if (lost.Error is { } gone)
            throw gone;
        try
        {
            call();
        }
        catch (Exception cause) when (cause is IOException or System.Net.Sockets.SocketException or ObjectDisposedException or CudaException)
        {
            throw lost.Explain(cause.Message);
        }
    }

    private void Lose(int rank, string why)
    {
        lost.Tell(rank, why);
        channel?.Interrupt();
        group?.Abort();
    }

    private sealed class Sums(NcclCommunicator owner) : IPendingSum
    {
        public void Wait() => owner.Call(owner.group!.WaitForSums);
    }
}
