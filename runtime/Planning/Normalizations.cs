namespace MedSegDsl.Runtime.Planning;

/// <summary>Which normalization a channel's name in dataset.json asks for.</summary>
public static class Normalizations
{
    /// <summary>Z-score; the scheme of every name that is not special.</summary>
    public const string ZScore = "ZScoreNormalization";

    /// <summary>The scheme of a channel name; upper and lower case count the same.</summary>
    public static string OfChannel(string name) => name.ToLowerInvariant() switch
    {
        "ct" => "CTNormalization",
        "nonorm" => "NoNormalization",
        "rescale_to_0_1" => "RescaleTo01Normalization",
        "rgb_to_0_1" => "RGBTo01Normalization",
        _ => ZScore,
    };
}
