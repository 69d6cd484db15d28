using MedSegDsl.Runtime.Planning;

namespace MedSegDsl.Runtime.Preprocessing.Normalization;

/// <summary>Brings the intensities of one channel to a common range, before resampling, in float32.</summary>
public abstract class IntensityNormalization
{
    /// <summary>Normalizes in place.</summary>
    /// <param name="voxels">One channel of a cropped case.</param>
    /// <param name="segmentation">Its labels; −1 outside the nonzero mask.</param>
    /// <exception cref="UserException">The intensities are not what the scheme expects.</exception>
    public abstract void Apply(Span<float> voxels, ReadOnlySpan<short> segmentation);

    /// <summary>The scheme that plans name for a channel.</summary>
    /// <param name="scheme">An entry of normalization_schemes: ZScoreNormalization, CTNormalization,
    /// ...</param>
    /// <param name="useMask">The entry of use_mask_for_norm.</param>
    /// <param name="intensities">Foreground statistics of the channel over the dataset.</param>
    /// <exception cref="UserException">There is no such scheme.</exception>
    public static IntensityNormalization Create(string scheme, bool useMask, IntensityProperties intensities) =>
        scheme switch
        {
            "ZScoreNormalization" => new ZScoreNormalization(useMask),
            "CTNormalization" => new CTNormalization(intensities),
            "RescaleTo01Normalization" => new RescaleTo01Normalization(),
            "RGBTo01Normalization" => new RGBTo01Normalization(),
            "NoNormalization" => new NoNormalization(),
            _ => throw new UserException(
                $"no normalization scheme {scheme}; there are ZScoreNormalization, CTNormalization, "
                + "RescaleTo01Normalization, RGBTo01Normalization and NoNormalization"),
        };
}
