namespace MedSegDsl.Runtime.Storage;

/// <summary>Cuts a box out of a volume; what lies outside the volume gets a fixed value.</summary>
internal static class PatchCopy
{
    /// <summary>Copies one row along x; converts where the types differ.</summary>
    public delegate void RowCopy<TSource, TTarget>(ReadOnlySpan<TSource> from, Span<TTarget> to);

    /// <summary>Copies a box of one channel.</summary>
    /// <param name="volume">z · y · x values.</param>
    /// <param name="shape">Voxels of the volume along z, y, x.</param>
    /// <param name="corner">Lower corner of the box z, y, x; may be negative or beyond the volume.</param>
    /// <param name="size">Voxels of the box along z, y, x.</param>
    /// <param name="target">size values.</param>
    /// <param name="outside">The value outside the volume.</param>
    /// <param name="copyRow">Copies the part of a row inside the volume.</param>
    public static void Copy<TSource, TTarget>(
        ReadOnlySpan<TSource> volume, ReadOnlySpan<int> shape, ReadOnlySpan<int> corner, ReadOnlySpan<int> size,
        Span<TTarget> target, TTarget outside, RowCopy<TSource, TTarget> copyRow)
    {
        var first = Math.Clamp(-(long)corner[2], 0, size[2]);
        var end = Math.Clamp((long)shape[2] - corner[2], first, size[2]);
        for (var z = 0; z < size[0]; z++)
        {
            var plane = target.Slice(z * size[1] * size[2], size[1] * size[2]);
            var fromZ = (long)corner[0] + z;
            if (fromZ < 0 || fromZ >= shape[0])
            {
                plane.Fill(outside);
                continue;
            }

            for (var y = 0; y < size[1]; y++)
            {
                var row = plane.Slice(y * size[2], size[2]);
                var fromY = (long)corner[1] + y;
                if (fromY < 0 || fromY >= shape[1] || first == end)
                {
                    row.Fill(outside);
                    continue;
                }

                row[..(int)first].Fill(outside);
                row[(int)end..].Fill(outside);
                var start = (fromZ * shape[1] + fromY) * shape[2] + corner[2] + first;
                copyRow(volume.Slice((int)start, (int)(end - first)), row[(int)first..(int)end]);
            }
        }
    }
}
