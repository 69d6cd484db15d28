namespace MedSegDsl.Runtime.Pictures;

/// <summary>The slices of one plane that a user wants to see, a row of the picture for each.</summary>
public sealed class SliceChoice
{
    private readonly SlicePlane plane;
    private readonly int[] numbers;

    /// <summary>A choice that a picture can be asked for.</summary>
    /// <param name="plane">Axial, coronal or sagittal, in any case.</param>
    /// <param name="numbers">As the picture's rows name them: from 1, counted from inferior, posterior or left.</param>
    /// <exception cref="UserException">There is no such plane, or no slice can have the number.</exception>
    public SliceChoice(string plane, IEnumerable<int> numbers)
    {
        this.plane = SlicePlane.All.FirstOrDefault(one => one.Name.Equals(plane, StringComparison.OrdinalIgnoreCase))
            ?? throw new UserException($"{plane} is no plane of slices; write axial, coronal or sagittal");
        this.numbers = [.. numbers.Distinct()];
        if (this.numbers.Length == 0)
            throw new UserException("no slice is chosen; write one number or several, for example 10 20 30");
        if (this.numbers.FirstOrDefault(number => number < 1, 1) is < 1 and var wrong)
            throw new UserException($"{wrong} is no slice: slices are counted from 1");
    }

    /// <summary>The slices in a volume.</summary>
    /// <param name="title">The case, for errors.</param>
    /// <param name="shape">Voxels along superior, anterior, right.</param>
    /// <param name="shown">The planes in which the volume has pictures.</param>
    /// <exception cref="UserException">The volume has fewer slices, or none of the plane.</exception>
    internal OverlaySlice[] In(string title, int[] shape, IReadOnlyList<SlicePlane> shown)
    {
        var name = plane.Name.ToLowerInvariant();
        if (!shown.Contains(plane))
            throw new UserException($"{title}: an image one voxel thick has no {name} slices to show; choose {string.Join(" or ", shown.Select(one => one.Name.ToLowerInvariant()))}");
        var count = plane.Count(shape);
        int[] beyond = [.. numbers.Where(number => number > count)];
        return beyond.Length == 0
            ? [.. numbers.Select(number => new OverlaySlice(plane, number - 1))]
            : throw new UserException($"{title}: there is no {name} slice {string.Join(", ", beyond)}; choose from 1 to {count}");
    }
}
