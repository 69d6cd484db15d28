namespace MedSegDsl.Runtime.Training.Sampling;

/// <summary>Voxels of a preprocessed case where a patch can be centred: some of those of one label or region, or of
/// everything that is annotated.</summary>
/// <param name="Labels">The label, the labels of the region, or −1 and all labels for everything annotated, which only
/// datasets with an ignore label have.</param>
/// <param name="Voxels">z, y, x of one location after the other.</param>
public sealed record ClassLocations(IReadOnlyList<int> Labels, int[] Voxels)
{
    /// <summary>True for the entry of everything that is annotated.</summary>
    public bool IsEverythingAnnotated => Labels[0] == -1;

    /// <summary>The number of locations.</summary>
    public int Count => Voxels.Length / 3;

    /// <summary>z, y, x of a location.</summary>
    public int[] this[int index] => Voxels[(3 * index)..(3 * index + 3)];
}
