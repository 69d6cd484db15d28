namespace MedSegDsl.Kernels;

/// <summary>
/// The sizes of one depthwise 3D convolution of float32 tensors on the CPU, and how it is cut into tasks: a task is a batch
/// entry, a block of channels and a slab of neighbouring planes. The cut depends on the sizes alone, so that sums over
/// tasks come out the same whatever the number of threads.
/// </summary>
/// <param name="Batch">Batch entries.</param>
/// <param name="Depth">Planes of the volume (D).</param>
/// <param name="Height">Rows of a plane (H).</param>
/// <param name="Width">Voxels of a row (W).</param>
/// <param name="Channels">Channels (C).</param>
/// <param name="Kernel">The kernel's size k, odd.</param>
internal sealed record DepthwiseProblem(int Batch, int Depth, int Height, int Width, int Channels, int Kernel)
{
    // Enough tasks for many threads, slabs thick enough that reading their neighbours' planes costs little.
    private const int WantedTasks = 32, ThinnestSlab = 4;

    /// <summary>Voxels on each side that a result reads besides its own.</summary>
    public int Half => Kernel / 2;

    /// <summary>Voxels of a row, at least as many as the inner loops work on at a time.</summary>
    public int RoundedWidth => Math.Max(Width, TapSums.Voxels);

    /// <summary>The number of the kernel's weights for a channel.</summary>
    public int Taps => Kernel * Kernel * Kernel;

    /// <summary>The number of the kernel's rows.</summary>
    public int KernelRows => Kernel * Kernel;

    /// <summary>Channel blocks.</summary>
    public int Blocks => ChannelBlock.Count(Channels);

    /// <summary>Slabs of planes.</summary>
    public int Slabs => Math.Clamp((WantedTasks + Batch * Blocks - 1) / (Batch * Blocks), 1, Math.Max(1, Depth / ThinnestSlab));

    /// <summary>All tasks.</summary>
    public int Tasks => Batch * Slabs * Blocks;

    /// <summary>A task's batch entry, slab and channel block.</summary>
    public (int Batch, int Slab, ChannelBlock Block) Task(int index) =>
        (index / Blocks / Slabs, index / Blocks % Slabs, new ChannelBlock(index % Blocks, Channels));

    /// <summary>The first plane of a slab; of the slab after the last, the number of planes.</summary>
    public int FirstPlane(int slab) => (int)((long)Depth * slab / Slabs);

    /// <summary>
    /// For each tap (d, h, w) over the volume the place of its weight in the published kernel, whose axes are those that the
    /// path reads: the volume is never permuted, the kernel is.
    /// </summary>
    public int[] KernelPlaces(ScanPath path)
    {
        var order = path.WithoutShuffle();
        var places = new int[Taps];
        for (var tap = 0; tap < Taps; tap++)
        {
            int[] onVolume = [tap / Kernel / Kernel, tap / Kernel % Kernel, tap % Kernel];
            foreach (var axis in order.Axes)
            {
                var step = order.IsReversed ? Kernel - 1 - onVolume[axis] : onVolume[axis];
                places[tap] = places[tap] * Kernel + step;
            }
        }
        return places;
    }
}
