using MedSegDsl.Runtime.Training.Loading;

namespace MedSegDsl.Runtime.Training.Sampling;

/// <summary>Draws where the patch of a sample lies (nnU-Net v2, dataloading/data_loader.py, get_bbox).</summary>
/// <param name="placement">The patch's sizes.</param>
/// <param name="hasIgnoreLabel">Whether parts of the images may be without annotation; then no patch is placed blindly.</param>
public sealed class PatchSampler(PatchPlacement placement, bool hasIgnoreLabel)
{
    /// <summary>The patch's lower corner, which may lie outside the image.</summary>
    /// <param name="source">The case.</param>
    /// <param name="forced">Whether the patch must contain foreground, as far as the case has any.</param>
    /// <param name="random">The batch's random numbers.</param>
    public int[] Corner(ITrainingCase source, bool forced, BatchRandom random)
    {
        var locations = Candidates(source.Locations, forced);
        if (locations.Count == 0)
            return placement.Random(source.Shape, random);
        var chosen = locations[random.Below(locations.Count)];
        return placement.Around(source.Shape, chosen[random.Below(chosen.Count)]);
    }

    private List<ClassLocations> Candidates(IReadOnlyList<ClassLocations> all, bool forced)
    {
        var present = all.Where(l => l.Count > 0);
        if (!forced)
            return hasIgnoreLabel ? [.. present.Where(l => l.IsEverythingAnnotated)] : [];
        var classes = present.Where(l => !l.IsEverythingAnnotated).ToList();
        return classes.Count > 0 ? classes : [.. present];
    }
}
