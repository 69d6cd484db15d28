using MedSegDsl.Runtime.Imaging;

namespace MedSegDsl.Runtime.Preprocessing;

/// <summary>
/// The zero voxels of a volume as runs along x, joined by faces. Runs instead of voxels keep the flood fill
/// linear, without recursion, and its memory small: a medical background has one or two runs a row.
/// </summary>
internal sealed class ZeroRuns
{
    private const int Outside = 0;
    private readonly List<(int Start, int Length)> runs = [];

    /// <summary>Disjoint sets: node 0 is the outside of the volume, node i + 1 is run i.</summary>
    private readonly List<int> parents = [Outside];

    /// <summary>Finds and joins the runs of voxels that are zero in all channels.</summary>
    public ZeroRuns(ImageArray<float> image)
    {
        int depth = image.Shape[0], height = image.Shape[1], width = image.Shape[2];
        var firstRunOfRow = new int[depth * height + 1];
        for (var z = 0; z < depth; z++)
            for (var y = 0; y < height; y++)
            {
                var row = z * height + y;
                firstRunOfRow[row] = runs.Count;
                AddRuns(image, 0, row * width, width, z == 0 || z == depth - 1 || y == 0 || y == height - 1);
                if (y > 0)
                    JoinRows(firstRunOfRow[row - 1], firstRunOfRow[row], firstRunOfRow[row], width);
                if (z > 0)
                    JoinRows(
                        firstRunOfRow[row - height], firstRunOfRow[row - height + 1], firstRunOfRow[row],
                        height * width);
            }
    }

    /// <summary>Number of runs.</summary>
    public int Count => runs.Count;

    /// <summary>Index of the run's first voxel in (z, y, x).</summary>
    public int Start(int run) => runs[run].Start;

    /// <summary>Number of voxels.</summary>
    public int Length(int run) => runs[run].Length;

    /// <summary>Whether faces of zero voxels connect the run to the outside of the volume.</summary>
    public bool IsOutside(int run) => Root(run + 1) == Root(Outside);

    /// <summary>Adds the runs within a stretch of a row: zero in a channel, and inside that in the next
    /// ones.</summary>
    private void AddRuns(ImageArray<float> image, int channel, int start, int length, bool touchesOutside)
    {
        if (channel == image.Channels)
        {
            var x = start % image.Shape[2];
            runs.Add((start, length));
            parents.Add(touchesOutside || x == 0 || x + length == image.Shape[2] ? Outside : parents.Count);
            return;
        }

        for (var end = start + length; start < end;)
        {
            start += NonzeroMask.FirstZero(image.Channel(channel)[start..end]);
            var zeros = NonzeroMask.FirstNonzero(image.Channel(channel)[start..end]);
            if (zeros > 0)
                AddRuns(image, channel + 1, start, zeros, touchesOutside);
            start += zeros;
        }
    }

    /// <summary>Joins runs of an earlier row, <paramref name="distance"/> voxels before, with the runs of the
    /// newest row.</summary>
    private void JoinRows(int earlier, int earlierEnd, int newest, int distance)
    {
        while (earlier < earlierEnd && newest < runs.Count)
        {
            var earlierStop = runs[earlier].Start + runs[earlier].Length + distance;
            var newestStop = runs[newest].Start + runs[newest].Length;
            if (runs[earlier].Start + distance < newestStop && runs[newest].Start < earlierStop)
                Join(earlier + 1, newest + 1);
            if (earlierStop < newestStop)
                earlier++;
            else
                newest++;
        }
    }

    private void Join(int a, int b)
    {
        var (rootA, rootB) = (Root(a), Root(b));
        parents[Math.Max(rootA, rootB)] = Math.Min(rootA, rootB);
    }

    private int Root(int node)
    {
        while (parents[node] != node)
        {
            parents[node] = parents[parents[node]];
            node = parents[node];
        }

        return node;
    }
}
