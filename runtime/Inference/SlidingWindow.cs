namespace MedSegDsl.Runtime.Inference;

/// <summary>
/// Where the tiles of an image lie. A three-axis patch slides along z, y and x; a two-axis patch along y and x of
/// every slice (nnU-Net v2, inference/predict_from_raw_data.py).
/// </summary>
public sealed class SlidingWindow
{
    /// <summary>Places the tiles.</summary>
    /// <param name="image">Voxels of the image along z, y, x.</param>
    /// <param name="patch">Voxels of the network's patch along z, y, x, or y, x for a 2D network.</param>
    /// <param name="stepFraction">The largest step between tiles as a share of the patch, above 0, at most 1.</param>
    /// <param name="slices">How many slices a 2D network takes together, at most.</param>
    public SlidingWindow(IReadOnlyList<int> image, IReadOnlyList<int> patch, double stepFraction = 0.5, int slices = 1)
    {
        if (image.Count != 3 || patch.Count is not (2 or 3))
            throw new ArgumentException($"no tiles of {patch.Count} axes in an image of {image.Count}");
        if (stepFraction is not (> 0 and <= 1))
            throw new UserException($"step size {stepFraction}: must be above 0 and at most 1 (of the patch)");

        Image = [.. image];
        IsPlanar = patch.Count == 2;
        Tile = IsPlanar ? [Together(image[0], slices), .. patch] : [.. patch];
        Padded = new int[3];
        Before = new int[3];
        Steps = new int[3][];
        for (var axis = 0; axis < 3; axis++)
        {
            var missing = Math.Max(Tile[axis] - image[axis], 0);
            Before[axis] = missing / 2;
            Padded[axis] = image[axis] + missing;
            Steps[axis] = StepsAlong(Padded[axis], Tile[axis], IsPlanar && axis == 0 ? 1 : stepFraction);
        }
    }

    /// <summary>Voxels of the image along z, y, x.</summary>
    public int[] Image { get; }

    /// <summary>Whether the network sees single slices.</summary>
    public bool IsPlanar { get; }

    /// <summary>Voxels of a tile along z, y, x; the slices that a 2D network takes together.</summary>
    public int[] Tile { get; }

    /// <summary>Voxels of the image after padding with zeros to at least one tile.</summary>
    public int[] Padded { get; }

    /// <summary>Voxels of padding before the image along z, y, x; the rest of the padding lies behind it.</summary>
    public int[] Before { get; }

    /// <summary>First voxels of the tiles along each axis of the padded image, ascending.</summary>
    public int[][] Steps { get; }

    /// <summary>Number of tiles.</summary>
    public int Count => Steps[0].Length * Steps[1].Length * Steps[2].Length;

    /// <summary>First voxels (z, y, x) of all tiles: z outermost, x innermost.</summary>
    public IEnumerable<(int Z, int Y, int X)> Tiles =>
        from z in Steps[0] from y in Steps[1] from x in Steps[2] select (z, y, x);

    /// <summary>
    /// Evenly spaced first voxels of tiles along one axis: as few as keep the step within
    /// <paramref name="stepFraction"/> of the tile, rounded half to even.
    /// </summary>
    /// <param name="length">Voxels of the image along the axis, at least one tile.</param>
    /// <param name="tile">Voxels of the tile along the axis.</param>
    /// <param name="stepFraction">The largest step as a share of the tile.</param>
    public static int[] StepsAlong(int length, int tile, double stepFraction)
    {
        var last = length - tile;
        var intervals = (int)Math.Ceiling(last / (tile * stepFraction));
        if (intervals == 0)
            return [0];

        // Divided first, as nnU-Net does: the rounding of ties depends on it.
        var step = (double)last / intervals;
        return [.. Enumerable.Range(0, intervals + 1).Select(i => (int)Math.Round(step * i))];
    }

    /// <summary>As many slices as keep the groups few and alike.</summary>
    private static int Together(int slices, int most)
    {
        var groups = (slices + most - 1) / most;
        return (slices + groups - 1) / groups;
    }
}
