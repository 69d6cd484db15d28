using MedSegDsl.Runtime.Imaging;

namespace MedSegDsl.Runtime.Inference;

/// <summary>
/// What a cascade's second stage sees of the first: one 0/1 channel for each foreground label, after the image's (nnU-Net
/// v2, utilities/label_handling, convert_labelmap_to_one_hot).
/// </summary>
public static class PreviousStageChannels
{
    /// <summary>The image with the channels.</summary>
    /// <param name="image">The preprocessed image.</param>
    /// <param name="previous">The first stage's label map, of the same shape.</param>
    /// <param name="labels">The foreground labels.</param>
    public static ImageArray<float> Append(ImageArray<float> image, ImageArray<short> previous, IReadOnlyList<int> labels)
    {
        var result = new ImageArray<float>(image.Channels + labels.Count, image.Shape);
        image.Data.CopyTo(result.Data, 0);
        for (var i = 0; i < labels.Count; i++)
        {
            var channel = result.Channel(image.Channels + i);
            for (var voxel = 0; voxel < channel.Length; voxel++)
                channel[voxel] = previous.Data[voxel] == labels[i] ? 1 : 0;
        }

        return result;
    }
}
