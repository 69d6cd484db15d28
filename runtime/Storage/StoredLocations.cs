using MedSegDsl.Runtime.Training.Sampling;

namespace MedSegDsl.Runtime.Storage;

/// <summary>
/// Foreground locations in a form that can be mapped, CASE_locations.npy: with many classes and cases they do not fit into
/// memory. int32: the number of classes; for each, the number of its labels, the labels, and the number of its voxels; then
/// z, y, x of all voxels.
/// </summary>
internal static class StoredLocations
{
    /// <summary>Writes a file, whole or not at all.</summary>
    /// <exception cref="UserException">The file cannot be written.</exception>
    public static void Write(string path, IReadOnlyList<ClassLocations> locations)
    {
        int[] values =
        [
            locations.Count,
            .. locations.SelectMany(entry => (int[])[entry.Labels.Count, .. entry.Labels, entry.Count]),
            .. locations.SelectMany(entry => entry.Voxels.ToArray()),
        ];
        NpyFile.Write<int>(path, [values.Length], values);
    }

    /// <summary>The entries of a file; their memory is the file's.</summary>
    /// <exception cref="UserException">The file is something else.</exception>
    public static IReadOnlyList<ClassLocations> Of(MappedNpy file, string path)
    {
        if (file is not { Type: "<i4", Shape.Length: 1 })
            throw Broken(path);
        var values = file.Memory<int>();
        var classes = Take(1)[0];
        List<(int[] Labels, int Count)> entries = [];
        for (var i = 0; i < classes; i++)
            entries.Add((Take(Take(1)[0]), Take(1)[0]));
        return [.. entries.Select(entry => new ClassLocations(entry.Labels, Voxels(entry.Count)))];

        int[] Take(int count) => Voxels(count, 1).ToArray();

        ReadOnlyMemory<int> Voxels(int count, int axes = 3)
        {
            if (count < 0 || (long)count * axes > values.Length)
                throw Broken(path);
            var taken = values[..(count * axes)];
            values = values[(count * axes)..];
            return taken;
        }
    }

    private static UserException Broken(string path) => new($"{path}: holds no locations; preprocess the case again");
}
