using static TorchSharp.torch;

namespace MedSegDsl.Kernels.Cuda;

/// <summary>
/// GPUs, each of a process of its own, that sum tensors together through NCCL. All members make the same calls in the same
/// order. Beside <see cref="Abort"/>, one thread at a time calls.
/// </summary>
public sealed class GpuGroup : IDisposable
{
    private readonly CudaDevice device;
    private readonly nint side, ready, done;
    private readonly Lock gate = new();
    private nint group;

    /// <summary>Joins a group; returns when all members have.</summary>
    /// <param name="id">What <see cref="NewId"/> gave one of them.</param>
    /// <param name="rank">0 … size − 1.</param>
    /// <param name="size">The number of members.</param>
    /// <param name="index">This process's device; no other member's.</param>
    /// <exception cref="CudaException">NCCL is missing or fails.</exception>
    public GpuGroup(ReadOnlySpan<byte> id, int rank, int size, int index)
    {
        device = CudaDevice.At(index);
        using var entered = device.Enter();
        NcclLibrary.Id name = default;
        id.CopyTo(name);
        group = NcclLibrary.Instance.Join(name, rank, size);
        side = CudaDriver.NewStream();
        ready = CudaDriver.NewEvent();
        done = CudaDriver.NewEvent();
    }

    /// <summary>A new group's name: 128 bytes.</summary>
    /// <exception cref="CudaException">NCCL is missing or fails.</exception>
    public static byte[] NewId()
    {
        var id = NcclLibrary.Instance.NewId();
        ReadOnlySpan<byte> bytes = id;
        return bytes.ToArray();
    }

    /// <summary>Tells the GPUs of a machine apart.</summary>
    public static string AddressOf(int index) => CudaDriver.PciAddress(index);

    /// <summary>Sums over all members, in place, in order with libtorch's own work.</summary>
    /// <param name="tensor">Contiguous, in float32, float64 or int64.</param>
    public void Sum(Tensor tensor)
    {
        using var entered = device.Enter();
        NcclLibrary.Instance.Sum(Joined(), DeviceMemory.Address(tensor), tensor.numel(), tensor.dtype, 0);
    }

    /// <summary>The same on a stream of its own, after what libtorch has been given so far and beside what follows.</summary>
    /// <param name="tensor">To be left alone until <see cref="WaitForSums"/>.</param>
    public void BeginSum(Tensor tensor)
    {
        using var entered = device.Enter();
        CudaDriver.Order(side, 0, ready);
        NcclLibrary.Instance.Sum(Joined(), DeviceMemory.Address(tensor), tensor.numel(), tensor.dtype, side);
    }

    /// <summary>What libtorch is given from now on waits, on the device, for all sums that were begun.</summary>
    public void WaitForSums()
    {
        using var entered = device.Enter();
        CudaDriver.Order(0, side, done);
    }

    /// <summary>Replaces a contiguous tensor's bytes by those of rank 0.</summary>
    public void Broadcast(Tensor tensor)
    {
        using var entered = device.Enter();
        NcclLibrary.Instance.Broadcast(Joined(), DeviceMemory.Address(tensor), tensor.numel() * tensor.element_size(), 0);
    }

    /// <summary>Ends what waits for other members, from any thread: results are then undefined.</summary>
    public void Abort() => Leave(NcclLibrary.Instance.Abort);

    /// <summary>Leaves the group once its work is done.</summary>
    public void Dispose() => Leave(NcclLibrary.Instance.Leave);

    private nint Joined() => group != 0 ? group : throw new CudaException("NCCL's group has been left");

    private void Leave(Action<nint> leave)
    {
        lock (gate)
        {
            if (group == 0)
            {
                return;
            }
            using var entered = device.Enter();
            var left = group;
            group = 0;
            leave(left);
        }
    }
}
