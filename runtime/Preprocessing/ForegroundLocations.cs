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
        var starts = new int[keys.Length + 1];
        for (var key = 0; key < keys.Length; key++)
            starts[key + 1] = starts[key] + picks[key].Length;
        var voxels = Find(segmentation, keys, picks, counts);
        return
        [
            .. keys.Select((key, i) =>
                new ClassLocations(key, Positions(voxels.AsSpan(starts[i]..starts[i + 1]), shape))),
        ];
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
    /// Turns picks into voxels, key after key. A pick counts a key's voxels label by label, in C order inside a
    /// label; one pass over the volume finds them all, without listing the voxels that were not picked.
    /// </summary>
    private static int[] Find(ReadOnlySpan<short> segmentation, int[][] keys, int[][] picks, int[] counts)
    {
        // Which voxel of a label is wanted, above; the place in the result, below: sorted by the voxel.
        var wanted = new List<long>?[counts.Length];
        var places = 0;
        for (var key = 0; key < keys.Length; key++)
            foreach (var pick in picks[key])
            {
                var (rank, next) = (pick, 0);
                for (; rank >= counts[keys[key][next] + 1]; next++)
                    rank -= counts[keys[key][next] + 1];
                (wanted[keys[key][next] + 1] ??= new(picks[key].Length)).Add(((long)rank << 32) | (uint)places++);
            }

        foreach (var list in wanted)
            list?.Sort();
        var voxels = new int[places];
        var seen = new int[counts.Length];
        var found = new int[counts.Length];
        for (var voxel = 0; voxel < segmentation.Length; voxel++)
        {
            var label = segmentation[voxel] + 1;
            var rank = seen[label]++;
            if (wanted[label] is not { } list)
                continue;
            for (; found[label] < list.Count && list[found[label]] >> 32 == rank; found[label]++)
                voxels[(int)list[found[label]]] = voxel;
        }

        return voxels;
    }

    private static int[] Positions(ReadOnlySpan<int> voxels, int[] shape)
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
