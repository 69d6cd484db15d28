namespace MedSegDsl.Runtime.Preprocessing.Resampling;

/// <summary>Resizes planes (y, x) with splines of order 1 to 3, first along y, then along x. One per
/// thread.</summary>
internal sealed class PlaneResize(AxisSampling y, AxisSampling x)
{
    private readonly ColumnBlock block = new();
    private readonly float[] stretched = y.IsIdentity || x.IsIdentity ? [] : new float[y.To * x.From];

    /// <summary>Resizes one plane. Source and target must not overlap.</summary>
    /// <param name="source">y.From × x.From values.</param>
    /// <param name="target">y.To × x.To values.</param>
    /// <param name="low">Smallest value written.</param>
    /// <param name="high">Largest value written.</param>
    public void Resize(ReadOnlySpan<float> source, Span<float> target, float low, float high)
    {
        if (x.IsIdentity && y.IsIdentity)
            source.CopyTo(target);
        else if (x.IsIdentity)
            AlongY(source, target, low, high);
        else if (y.IsIdentity)
            AlongX(source, target, low, high);
        else
        {
            AlongY(source, stretched, float.NegativeInfinity, float.PositiveInfinity);
            AlongX(stretched, target, low, high);
        }
    }

    private void AlongY(ReadOnlySpan<float> source, Span<float> target, float low, float high)
    {
        for (var start = 0; start < x.From; start += ColumnBlock.Width)
        {
            var lines = Math.Min(ColumnBlock.Width, x.From - start);
            block.Load(source[start..], x.From, lines, y.From);
            block.Store(y, target[start..], x.From, lines, low, high);
        }
    }

    private void AlongX(ReadOnlySpan<float> source, Span<float> target, float low, float high)
    {
        for (var start = 0; start < y.To; start += ColumnBlock.Width)
        {
            var lines = Math.Min(ColumnBlock.Width, y.To - start);
            block.LoadRows(source[(start * x.From)..], lines, x.From);
            block.StoreRows(x, target[(start * x.To)..], lines, low, high);
        }
    }
}
