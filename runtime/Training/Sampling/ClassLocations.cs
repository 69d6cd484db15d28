namespace MedSegDsl.Runtime.Training.Sampling;

/// <summary>Voxels of a preprocessed case where a patch can be centred: some of those of one label or region, or of
/// everything that is annotated.</summary>
/// <param name="Labels">The label, the labels of the region, or −1 and all labels for everything annotated, which only
/// datasets with an ignore label have.</param>
/// <param name="Voxels">z, y, x of one location after the other; of a stored case, pages of its file.</param>
public sealed record ClassLocations(IReadOnlyList<int> Labels, ReadOnlyMemory<int> Voxels)
{
    /// <summary>Locations in an array.</summary>
    public ClassLocations(IReadOnlyList<int> labels, int[] voxels) : this(labels, voxels.AsMemory()) { }

    /// <summary>True for the entry of everything that is annotated.</summary>
    public bool IsEverythingAnnotated => Labels[0] == -1;

    /// <summary>The number of locations.</summary>
    public int Count => Voxels.Length / 3;

    /// <summary>z, y, x of a location.</summary>
    public int[] this[int index] => Voxels.Span.Slice(3 * index, 3).ToArray();
}
