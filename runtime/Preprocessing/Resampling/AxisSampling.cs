namespace MedSegDsl.Runtime.Preprocessing.Resampling;

/// <summary>
/// Where and with which weights one axis is read. Output voxel i lies at p = (i + 0.5) · (from / to) − 0.5 of
/// the input, as in scipy's zoom with grid_mode, which skimage's resize and so nnU-Net use.
/// </summary>
internal sealed class AxisSampling
{
    /// <summary>The sampling of an axis of <paramref name="from"/> voxels at <paramref name="to"/>
    /// voxels.</summary>
    /// <exception cref="UserException">The order is not 0, 1, 2 or 3, or a length is not
    /// positive.</exception>
    public AxisSampling(int from, int to, int order)
    {
        if (order is < 0 or > 3)
            throw new UserException($"resampling order {order}: 0, 1, 2 and 3 are supported; change it in the plans");
        if (from < 1 || to < 1)
            throw new UserException($"an axis of {from} voxels cannot be resampled to {to}; check the spacings");
        (From, To, Order) = (from, to, order);
        Taps = order switch { 0 => 1, 1 => 2, _ => 4 };
        First = new int[to];
        Weights = new double[to * Taps];
        for (var i = 0; i < to; i++)
        {
            var position = (i + 0.5) * ((double)from / to) - 0.5;
            First[i] = Place(position, Weights.AsSpan(i * Taps, Taps));
        }
    }

    /// <summary>Voxels before.</summary>
    public int From { get; }

    /// <summary>Voxels after.</summary>
    public int To { get; }

    /// <summary>Spline order.</summary>
    public int Order { get; }

    /// <summary>Input values that one output value reads: 1, 2 or 4 (order 2 has one weight of
    /// zero).</summary>
    public int Taps { get; }

    /// <summary>First input voxel that each output voxel reads: −2 … From; up to 2 lie outside on each
    /// side.</summary>
    public int[] First { get; }

    /// <summary>Weights: To × Taps.</summary>
    public double[] Weights { get; }

    /// <summary>Whether the axis stays as it is; every order reproduces the input at its own
    /// positions.</summary>
    public bool IsIdentity => From == To;

    private int Place(double position, Span<double> weights)
    {
        switch (Order)
        {
            case 0:
                weights[0] = 1;
                return (int)Math.Clamp(Math.Floor(position + 0.5), 0, From - 1);
            case 1:
                position = Math.Clamp(position, 0, From - 1);
                var before = Math.Floor(position);
                weights[1] = position - before;
                weights[0] = 1 - weights[1];
                return (int)before;
            case 2:
                var nearest = Math.Floor(position + 0.5);
                var offset = position - nearest;
                weights[0] = (0.5 - offset) * (0.5 - offset) / 2;
                weights[1] = 0.75 - offset * offset;
                weights[2] = (0.5 + offset) * (0.5 + offset) / 2;
                return (int)nearest - 1;
            default:
                var floor = Math.Floor(position);
                var t = position - floor;
                var u = 1 - t;
                weights[0] = u * u * u / 6;
                weights[1] = (4 - 6 * t * t + 3 * t * t * t) / 6;
                weights[2] = (4 - 6 * u * u + 3 * u * u * u) / 6;
                weights[3] = t * t * t / 6;
                return (int)floor - 1;
        }
    }
}
