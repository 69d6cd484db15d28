using MedSegDsl.Runtime.Imaging;

namespace MedSegDsl.Runtime.Pictures;

/// <summary>What an overlay picture shows. All volumes lie on one grid.</summary>
/// <param name="Title">The line above: the case's name, say.</param>
/// <param name="Image">The image; one channel is shown.</param>
/// <param name="Geometry">Spacing and orientation of the volumes.</param>
/// <param name="Prediction">The predicted labels.</param>
/// <param name="Classes">The classes in the order of the legend.</param>
public sealed record OverlayCase(
    string Title,
    ImageArray<float> Image,
    ImageGeometry Geometry,
    ImageArray<short> Prediction,
    IReadOnlyList<OverlayClass> Classes)
{
    /// <summary>The reference labels, if there are any.</summary>
    public ImageArray<short>? Reference { get; init; }

    /// <summary>The channel of the image that is shown.</summary>
    public int Channel { get; init; }

    /// <summary>Black and white; by percentiles if null.</summary>
    public IntensityWindow? Window { get; init; }

    /// <summary>The slices that are shown; if null, of each plane the one that shows most.</summary>
    public SliceChoice? Slices { get; init; }

    /// <summary>A smaller line below the title.</summary>
    public string? Subtitle { get; init; }
}

/// <summary>A class of an overlay picture.</summary>
/// <param name="Label">Its value in the label maps. For regions: the label that the region writes.</param>
/// <param name="Name">Its name in the legend.</param>
/// <param name="Dice">Its Dice, NaN where there is none, or null where nothing was evaluated.</param>
public sealed record OverlayClass(int Label, string Name, double? Dice = null);
