using MedSegDsl.Runtime.Imaging;

namespace MedSegDsl.Runtime.Evaluation;

/// <summary>The voxels of one object, in C order: z, y, x.</summary>
public sealed class BinaryMask
{
    /// <summary>Wraps voxels; they are not copied.</summary>
    public BinaryMask(bool[] voxels, IReadOnlyList<int> shape)
    {
        if (shape.Count != 3 || voxels.LongLength != (long)shape[0] * shape[1] * shape[2])
            throw new ArgumentException($"{voxels.LongLength} voxels do not fill {string.Join(" × ", shape)}");
        Voxels = voxels;
        Shape = [.. shape];
    }

    /// <summary>Whether each voxel belongs to the object.</summary>
    public bool[] Voxels { get; }

    /// <summary>Voxels along z, y, x.</summary>
    public int[] Shape { get; }

    /// <summary>Number of voxels of the object.</summary>
    public int Count => Voxels.Count(inside => inside);

    /// <summary>The voxels of a label map that have one of the labels.</summary>
    public static BinaryMask Of(ImageArray<short> labels, IEnumerable<int> wanted)
    {
        var isWanted = new bool[1 << 16];
        foreach (var label in wanted)
            isWanted[(ushort)label] = true;
        return new BinaryMask(Array.ConvertAll(labels.Data, label => isWanted[(ushort)label]), labels.Shape);
    }

    /// <summary>The voxels inside a box that have one of the labels.</summary>
    /// <param name="labels">The label map.</param>
    /// <param name="wanted">The labels.</param>
    /// <param name="box">Half-open, per axis.</param>
    /// <param name="except">A map and a label: voxels that have it there stay outside.</param>
    public static BinaryMask Of(
        ImageArray<short> labels, IEnumerable<int> wanted, (int Start, int Stop)[] box, (ImageArray<short> Map, int Label)? except = null)
    {
        var isWanted = new bool[1 << 16];
        foreach (var label in wanted)
            isWanted[(ushort)label] = true;
        int[] shape = [.. box.Select(range => range.Stop - range.Start)];
        var voxels = new bool[shape[0] * shape[1] * shape[2]];
        Parallel.For(0, shape[0], z =>
        {
            for (var y = 0; y < shape[1]; y++)
            {
                var from = ((z + box[0].Start) * labels.Shape[1] + y + box[1].Start) * labels.Shape[2] + box[2].Start;
                var row = labels.Data.AsSpan(from, shape[2]);
                var target = voxels.AsSpan((z * shape[1] + y) * shape[2], shape[2]);
                for (var x = 0; x < row.Length; x++)
                    target[x] = isWanted[(ushort)row[x]] && (except is not { } other || other.Map.Data[from + x] != other.Label);
            }
        });
        return new BinaryMask(voxels, shape);
    }

    /// <summary>The smallest box (half-open, per axis) around both masks; null where both are empty.</summary>
    public static (int Start, int Stop)[]? Box(BinaryMask first, BinaryMask second)
    {
        int[] low = [int.MaxValue, int.MaxValue, int.MaxValue], high = [0, 0, 0];
        var shape = first.Shape;
        for (var z = 0; z < shape[0]; z++)
        {
            for (var y = 0; y < shape[1]; y++)
            {
                var start = (z * shape[1] + y) * shape[2];
                var a = first.Voxels.AsSpan(start, shape[2]);
                var b = second.Voxels.AsSpan(start, shape[2]);
                int inA = a.IndexOf(true), inB = b.IndexOf(true);
                if (inA < 0 && inB < 0)
                    continue;
                var left = (uint)inA < (uint)inB ? inA : inB;
                Widen(low, high, [z, y, left]);
                Widen(low, high, [z, y, Math.Max(a.LastIndexOf(true), b.LastIndexOf(true))]);
            }
        }

        return high[0] == 0 ? null : [.. low.Zip(high)];
    }

    /// <summary>The part of the mask inside a box.</summary>
    public BinaryMask Crop((int Start, int Stop)[] box)
    {
        int[] shape = [.. box.Select(range => range.Stop - range.Start)];
        var voxels = new bool[shape[0] * shape[1] * shape[2]];
        for (var z = 0; z < shape[0]; z++)
        {
            for (var y = 0; y < shape[1]; y++)
            {
                var from = ((z + box[0].Start) * Shape[1] + y + box[1].Start) * Shape[2] + box[2].Start;
                Voxels.AsSpan(from, shape[2]).CopyTo(voxels.AsSpan((z * shape[1] + y) * shape[2]));
            }
        }

        return new BinaryMask(voxels, shape);
    }

    private static void Widen(int[] low, int[] high, ReadOnlySpan<int> point)
    {
        for (var axis = 0; axis < 3; axis++)
        {
            low[axis] = Math.Min(low[axis], point[axis]);
            high[axis] = Math.Max(high[axis], point[axis] + 1);
        }
    }
}
