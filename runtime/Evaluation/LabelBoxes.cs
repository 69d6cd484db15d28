using MedSegDsl.Runtime.Imaging;

namespace MedSegDsl.Runtime.Evaluation;

/// <summary>
/// The smallest box around each label of a case's maps, found in one pass, so that a class of a large volume costs no more
/// than its own box.
/// </summary>
internal sealed class LabelBoxes
{
    private readonly Dictionary<short, int[]> boxes = [];

    /// <summary>Looks through maps of one shape.</summary>
    public LabelBoxes(params ImageArray<short>[] maps)
    {
        var merging = new Lock();
        foreach (var map in maps)
        {
            Parallel.For(0, map.Shape[0], () => new Dictionary<short, int[]>(), (z, _, local) =>
            {
                for (var y = 0; y < map.Shape[1]; y++)
                    AddRow(local, map.Data.AsSpan((z * map.Shape[1] + y) * map.Shape[2], map.Shape[2]), z, y);
                return local;
            }, local =>
            {
                lock (merging)
                {
                    foreach (var (label, box) in local)
                        Widen(boxes, label, box);
                }
            });
        }
    }

    /// <summary>The half-open box around some labels in all maps; null where no voxel has any of them.</summary>
    public (int Start, int Stop)[]? Around(IEnumerable<int> labels)
    {
        Dictionary<short, int[]> union = [];
        foreach (var label in labels)
        {
            if (boxes.TryGetValue((short)label, out var box))
                Widen(union, 0, box);
        }

        return union.TryGetValue(0, out var all) ? [.. Enumerable.Range(0, 3).Select(axis => (all[axis], all[axis + 3]))] : null;
    }

    /// <summary>Label maps are piecewise constant: one step for each run of equal labels.</summary>
    private static void AddRow(Dictionary<short, int[]> local, ReadOnlySpan<short> row, int z, int y)
    {
        for (var x = 0; x < row.Length;)
        {
            var label = row[x];
            var length = row[x..].IndexOfAnyExcept(label);
            var stop = length < 0 ? row.Length : x + length;
            if (label != 0)
                Widen(local, label, [z, y, x, z + 1, y + 1, stop]);
            x = stop;
        }
    }

    private static void Widen(Dictionary<short, int[]> boxes, short label, ReadOnlySpan<int> box)
    {
        if (!boxes.TryGetValue(label, out var known))
        {
            boxes[label] = box.ToArray();
            return;
        }

        for (var axis = 0; axis < 3; axis++)
        {
            known[axis] = Math.Min(known[axis], box[axis]);
            known[axis + 3] = Math.Max(known[axis + 3], box[axis + 3]);
        }
    }
}
