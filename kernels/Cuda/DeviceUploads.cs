using static TorchSharp.torch;

namespace MedSegDsl.Kernels.Cuda;

/// <summary>
/// Copies of one batch after the other from the host to a GPU, beside what the GPU computes: on libtorch's own stream a copy waits for
/// the step before it, and the next step for the copy. Batches of one role and type, one at a time from one thread.
/// </summary>
public sealed class DeviceUploads : IDisposable
{
    // The batch in use, the one ahead of it, and the one before, of which something may still be computed.
    private const int Slots = 3;

    private readonly CudaDevice device;
    private readonly nint side, between;
    private readonly nint[] queued = new nint[Slots];
    private readonly Tensor?[] slots = new Tensor?[Slots];
    private long count;

    /// <summary>Uploads to a GPU.</summary>
    /// <param name="index">Its number.</param>
    public DeviceUploads(int index)
    {
        device = CudaDevice.At(index);
        using var entered = device.Enter();
        side = CudaDriver.NewStream();
        between = CudaDriver.NewEvent();
        for (var slot = 0; slot < Slots; slot++)
        {
            queued[slot] = CudaDriver.NewEvent();
        }
    }

    /// <summary>Copies a tensor. What libtorch is given from now on finds it there.</summary>
    /// <param name="host">Contiguous, in pinned memory; to be kept until something that reads the copy has been computed.</param>
    /// <returns>The copy, good until the third upload after this one.</returns>
    public Tensor Upload(Tensor host)
    {
        using var entered = device.Enter();
        var slot = (int)(count % Slots);
        if (count > 0)
        {
            // What was queued at the upload before this one; what read the slot's former batch was queued before that.
            CudaDriver.Wait(side, queued[(count - 1) % Slots]);
        }
        CudaDriver.Record(queued[slot], 0);
        var memory = Slot(slot, host);
        CudaDriver.CopyToDevice(DeviceMemory.Address(memory), DeviceMemory.Address(host), host.numel() * host.element_size(), side);
        CudaDriver.Order(0, side, between);
        GC.KeepAlive(host);
        count++;
        return memory.narrow(0, 0, host.numel()).view(host.shape);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        using var entered = device.Enter();
        foreach (var slot in slots)
        {
            slot?.Dispose();
        }
        foreach (var mark in queued.Append(between))
        {
            CudaDriver.EndEvent(mark);
        }
        CudaDriver.EndStream(side);
    }

    private Tensor Slot(int slot, Tensor host)
    {
        if (slots[slot] is { } there && there.numel() >= host.numel())
        {
            return there;
        }
        slots[slot]?.Dispose();
        var memory = empty([host.numel()], host.dtype, new Device(TorchSharp.DeviceType.CUDA, device.Index)).DetachFromDisposeScope();
        slots[slot] = memory;
        // libtorch may have computed with this memory until now.
        CudaDriver.Order(side, 0, between);
        return memory;
    }
}
