namespace MedSegDsl.Kernels;

/// <summary>
/// The k planes around the one that is being convolved, for one batch entry and one block of channels: padded with zeros on
/// all sides, packed without strides, and moved along the depth plane by plane. With it the inner loops know no borders.
/// The block's first eight channels and the others lie apart, so that a voxel is eight floats in either half: what the inner
/// loops read again and again then fits the caches.
/// </summary>
internal sealed unsafe class PlaneWindow
{
    private const int Lanes = TapSums.Lanes;

    private readonly DepthwiseProblem problem;
    private readonly Volume volume;
    private readonly int batch;
    private readonly ChannelBlock block;
    private readonly int rowLength, planeLength;
    private readonly float* planes;
    private readonly int* offsets;
    private int loaded;

    /// <summary>A window before its first plane.</summary>
    /// <param name="problem">The sizes.</param>
    /// <param name="volume">What is read.</param>
    /// <param name="batch">The batch entry.</param>
    /// <param name="block">The channels.</param>
    /// <param name="firstPlane">The first plane that will be convolved.</param>
    /// <param name="scratch">Owns the memory.</param>
    public PlaneWindow(DepthwiseProblem problem, Volume volume, int batch, ChannelBlock block, int firstPlane, Scratch scratch)
    {
        this.problem = problem;
        this.volume = volume;
        this.batch = batch;
        this.block = block;
        rowLength = (problem.RoundedWidth + 2 * problem.Half) * Lanes;
        planeLength = (problem.Height + 2 * problem.Half) * rowLength;
        planes = scratch.Floats(2 * problem.Kernel * planeLength);
        offsets = (int*)scratch.Floats(problem.KernelRows + TapSums.KernelRows);
        loaded = Math.Max(0, firstPlane - problem.Half);
    }

    /// <summary>Where each kernel row's first input is, in floats from <see cref="Corner"/>, for the rows that the window was moved to.</summary>
    public int* Offsets => offsets;

    /// <summary>Moves the window to a plane; planes are visited in order.</summary>
    /// <returns>The kernel rows that stay inside the volume's depth: the first one and how many.</returns>
    public (int First, int Count) MoveTo(int plane)
    {
        var (half, kernel) = (problem.Half, problem.Kernel);
        var (from, to) = (Math.Max(0, plane - half), Math.Min(problem.Depth - 1, plane + half));
        for (; loaded <= to; loaded++)
        {
            Load(loaded);
        }
        var next = offsets;
        for (var d = from; d <= to; d++)
        {
            for (var h = 0; h < kernel; h++)
            {
                *next++ = d % kernel * planeLength + h * rowLength;
            }
        }
        new Span<int>(next, TapSums.KernelRows).Clear();
        return ((from - plane + half) * kernel, (to - from + 1) * kernel);
    }

    /// <summary>What the offsets are counted from for the results of a row, from its first voxel on, in half 0 or 1.</summary>
    public float* Corner(int row, int half) => planes + half * problem.Kernel * planeLength + row * rowLength;

    private void Load(int plane)
    {
        var slot = plane % problem.Kernel * planeLength + problem.Half * Lanes;
        for (var h = 0; h < problem.Height; h++)
        {
            var to = Corner(h + problem.Half, 0) + slot;
            block.ReadRows(volume.Row(batch, plane, h), volume.Step, problem.Width, to, to + problem.Kernel * planeLength);
        }
    }
}
