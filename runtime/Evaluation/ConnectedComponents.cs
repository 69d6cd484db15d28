namespace MedSegDsl.Runtime.Evaluation;

/// <summary>The connected parts of a mask.</summary>
public sealed class ConnectedComponents
{
    private readonly int[] component;
    private readonly int[] sizes;
    private readonly int[] shape;

    /// <summary>Finds the components.</summary>
    /// <param name="mask">The mask.</param>
    /// <param name="full">Whether voxels that share an edge or a corner touch (26 neighbours), as in nnU-Net, or faces alone (6).</param>
    public ConnectedComponents(BinaryMask mask, bool full = true)
    {
        shape = mask.Shape;
        component = new int[mask.Voxels.Length];
        var neighbours = Neighbours(full);
        var found = new List<int>();
        var waiting = new Stack<int>();
        for (var seed = 0; seed < component.Length; seed++)
        {
            if (!mask.Voxels[seed] || component[seed] != 0)
                continue;
            found.Add(Fill(mask.Voxels, seed, found.Count + 1, neighbours, waiting));
        }

        sizes = [.. found];
    }

    /// <summary>Voxels of each component, in the order of its first voxel.</summary>
    public IReadOnlyList<int> Sizes => sizes;

    /// <summary>One component, in the order of <see cref="Sizes"/>.</summary>
    public BinaryMask this[int index] => new(Array.ConvertAll(component, c => c == index + 1), shape);

    /// <summary>The largest component; all of them where several are equally large.</summary>
    public BinaryMask Largest()
    {
        var largest = sizes.Length == 0 ? 0 : sizes.Max();
        return new BinaryMask(Array.ConvertAll(component, c => c > 0 && sizes[c - 1] == largest), shape);
    }

    private int Fill(bool[] mask, int seed, int label, (int Z, int Y, int X)[] neighbours, Stack<int> waiting)
    {
        int depth = shape[0], height = shape[1], width = shape[2];
        var size = 0;
        component[seed] = label;
        waiting.Push(seed);
        while (waiting.TryPop(out var voxel))
        {
            size++;
            var (row, x) = Math.DivRem(voxel, width);
            var (z, y) = Math.DivRem(row, height);
            foreach (var (dz, dy, dx) in neighbours)
            {
                if ((uint)(z + dz) >= depth || (uint)(y + dy) >= height || (uint)(x + dx) >= width)
                    continue;
                var other = voxel + (dz * height + dy) * width + dx;
                if (mask[other] && component[other] == 0)
                {
                    component[other] = label;
                    waiting.Push(other);
                }
            }
        }

        return size;
    }

    private static (int Z, int Y, int X)[] Neighbours(bool full)
    {
        int[] offsets = [-1, 0, 1];
        return [.. from z in offsets
                   from y in offsets
                   from x in offsets
                   let axes = Math.Abs(z) + Math.Abs(y) + Math.Abs(x)
                   where full ? axes > 0 : axes == 1
                   select (z, y, x)];
    }
}
