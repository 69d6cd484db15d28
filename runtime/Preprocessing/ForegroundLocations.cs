using System.Numerics.Tensors;
using MedSegDsl.Runtime.Dataset;
using MedSegDsl.Runtime.Planning;
using MedSegDsl.Runtime.Training.Sampling;

namespace MedSegDsl.Runtime.Preprocessing;

/// <summary>
/// Draws the voxels that patches with foreground are centred on (nnU-Net v2: DefaultPreprocessor,
/// _sample_foreground_locations), with numpy's legacy generator, so that they are the same voxels.
/// </summary>
public static class ForegroundLocations
{
    private const uint Seed = 1234;
    private const int Wanted = 10_000;
    private const double WantedShare = 0.01;

    /// <summary>Draws at least 10 000 voxels and 1 % of each label or region, without replacement, or all
    /// where there are fewer.</summary>
    /// <param name="segmentation">The resampled labels, z · y · x values.</param>
    /// <param name="shape">Voxels along z, y, x.</param>
    /// <param name="labels">Labels and regions of the dataset.</param>
    /// <returns>One entry for each region, else for each foreground label; with an ignore label one more for
    /// everything annotated.</returns>
    public static IReadOnlyList<ClassLocations> Sample(
        ReadOnlySpan<short> segmentation, int[] shape, LabelManager labels)
    {
        var keys = Keys(labels);
        // Labels from −1 on.
        var counts = new int[Math.Max(TensorPrimitives.Max(segmentation), keys.SelectMany(key => key).DefaultIfEmpty().Max()) + 2];
        foreach (var label in segmentation)
            counts[label + 1]++;
        var random = new LegacyRandom(Seed);
        int[][] picks = [.. keys.Select(key => Draw(random, key.Sum(label => counts[label + 1])))];
        var voxels = Find(segmentation, keys, picks, counts);
        return [.. keys.Select((key, i) => new ClassLocations(key, Positions(voxels[i], shape)))];
    }

    private static int[][] Keys(LabelManager labels)
    {
        int[][] classes = labels.HasRegions
            ? labels.ForegroundRegions
            : [.. labels.ForegroundLabels.Select(label => new[] { label })];
        return labels.IgnoreLabel is null ? classes : [.. classes, [-1, .. labels.AllLabels]];
    }

    private static int[] Draw(LegacyRandom random, int total)
    {
        if (total == 0)
            return [];
        var kept = Math.Max(Math.Min(Wanted, total), (int)Math.Ceiling(total * WantedShare));
        return random.ChooseDistinct(total, kept);
    }

    /// <summary>
    /// Turns picks into voxels. A pick counts a key's voxels label by label, in C order inside a label; one
    /// pass over the volume finds them all, without listing the voxels that were not picked.
    /// </summary>
    private static int[][] Find(ReadOnlySpan<short> segmentation, int[][] keys, int[][] picks, int[] counts)
    {
        int[][] voxels = [.. picks.Select(drawn => new int[drawn.Length])];
        var wanted = new List<(int Rank, int Key, int Slot)>?[counts.Length];
        for (var key = 0; key < keys.Length; key++)
        {
            var ends = new List<int>();
            foreach (var label in keys[key])
                ends.Add((ends.Count == 0 ? 0 : ends[^1]) + counts[label + 1]);
            for (var slot = 0; slot < picks[key].Length; slot++)
            {
                var place = ends.FindIndex(end => picks[key][slot] < end);
                var rank = picks[key][slot] - (place == 0 ? 0 : ends[place - 1]);
                (wanted[keys[key][place] + 1] ??= new(picks[key].Length)).Add((rank, key, slot));
            }
        }

        var next = new int[counts.Length];
        for (var label = 0; label < wanted.Length; label++)
        {
            wanted[label]?.Sort();
            next[label] = wanted[label]?[0].Rank ?? -1;
        }

        var seen = new int[counts.Length];
        var found = new int[counts.Length];
        for (var voxel = 0; voxel < segmentation.Length; voxel++)
        {
            var label = segmentation[voxel] + 1;
            var rank = seen[label]++;
            if (rank != next[label])
                continue;
            var list = wanted[label]!;
            for (; found[label] < list.Count && list[found[label]].Rank == rank; found[label]++)
                voxels[list[found[label]].Key][list[found[label]].Slot] = voxel;
            next[label] = found[label] < list.Count ? list[found[label]].Rank : -1;
        }

        return voxels;
    }

    private static int[] Positions(int[] voxels, int[] shape)
    {
        var positions = new int[voxels.Length * 3];
        for (var i = 0; i < voxels.Length; i++)
        {
            var (row, x) = Math.DivRem(voxels[i], shape[2]);
            var (z, y) = Math.DivRem(row, shape[1]);
            (positions[3 * i], positions[3 * i + 1], positions[3 * i + 2]) = (z, y, x);
        }

        return positions;
    }
}
