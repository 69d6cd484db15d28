using MedSegDsl.Runtime.Training.Sampling;

namespace MedSegDsl.Runtime.Training.Loading;

/// <summary>A preprocessed case of which patches are read without reading the volume. Read by several threads at once.</summary>
public interface ITrainingCase
{
    /// <summary>The case's identifier: <c>RB_001</c>.</summary>
    string Id { get; }

    /// <summary>Image channels.</summary>
    int Channels { get; }

    /// <summary>1; in the second stage of a cascade 2, of which the second is what the first stage said.</summary>
    int SegmentationChannels => 1;

    /// <summary>Voxels along z, y, x.</summary>
    IReadOnlyList<int> Shape { get; }

    /// <summary>Where patches with foreground can be centred.</summary>
    IReadOnlyList<ClassLocations> Locations { get; }

    /// <summary>Copies a patch; outside the image the image is 0 and the segmentation −1.</summary>
    /// <param name="corner">The lower corner z, y, x; may lie outside the image.</param>
    /// <param name="size">Voxels along z, y, x.</param>
    /// <param name="image">Receives channel, z, y, x.</param>
    /// <param name="segmentation">Receives channel, z, y, x.</param>
    void ReadPatch(ReadOnlySpan<int> corner, ReadOnlySpan<int> size, Span<float> image, Span<short> segmentation);
}
