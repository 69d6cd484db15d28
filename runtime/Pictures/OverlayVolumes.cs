using MedSegDsl.Runtime.Imaging;

namespace MedSegDsl.Runtime.Pictures;

/// <summary>The volumes of an overlay picture in the patient's orientation, and the slices that are shown.</summary>
internal sealed class OverlayVolumes
{
    private OverlayVolumes(OverlayCase content)
    {
        var orientation = AxisOrientation.Of(content.Geometry.Affine);
        var channel = new ImageArray<float>(content.Image.Channel(content.Channel).ToArray(), 1, content.Image.Shape);
        Image = orientation.ToCanonical(channel);
        Spacing = orientation.SpacingToCanonical(content.Geometry.Spacing);
        Window = content.Window ?? IntensityWindow.Of(Image.Data);
        Prediction = orientation.ToCanonical(content.Prediction);
        Reference = content.Reference is null ? null : orientation.ToCanonical(content.Reference);
        Columns = Reference is null
            ? [("Image", null), ("Prediction", Prediction)]
            : [("Image", null), ("Reference", Reference), ("Prediction", Prediction)];
        var shown = SlicePlane.All.Where(plane => plane.Size(Shape) is { Rows: > 1, Columns: > 1 }).ToArray();
        Slices = content.Slices?.In(content.Title, Shape, shown)
            ?? [.. shown.Select(plane => new OverlaySlice(plane, plane.Choose(Reference ?? Prediction)))];
    }

    /// <summary>The channel that is shown (superior, anterior, right).</summary>
    public ImageArray<float> Image { get; }

    /// <summary>Voxels along superior, anterior, right.</summary>
    public int[] Shape => Image.Shape;

    /// <summary>In mm, along superior, anterior, right.</summary>
    public double[] Spacing { get; }

    /// <summary>Black and white.</summary>
    public IntensityWindow Window { get; }

    /// <summary>The predicted labels.</summary>
    public ImageArray<short> Prediction { get; }

    /// <summary>The reference labels.</summary>
    public ImageArray<short>? Reference { get; }

    /// <summary>The columns of the picture: a name, and the labels drawn over the image.</summary>
    public IReadOnlyList<(string Name, ImageArray<short>? Labels)> Columns { get; }

    /// <summary>The rows of the picture; a picture of one slice has one row.</summary>
    public IReadOnlyList<OverlaySlice> Slices { get; }

    /// <summary>Reorients the volumes of a case and chooses its slices.</summary>
    public static OverlayVolumes Of(OverlayCase content) => new(content);
}

/// <summary>A slice of an overlay picture.</summary>
/// <param name="Plane">Its direction.</param>
/// <param name="Index">Its number from 0, from inferior, posterior or left.</param>
internal sealed record OverlaySlice(SlicePlane Plane, int Index);
