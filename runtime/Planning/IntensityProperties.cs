using System.Text.Json.Nodes;
using MedSegDsl.Runtime.Files;

namespace MedSegDsl.Runtime.Planning;

/// <summary>Statistics of one channel's foreground voxels over the whole dataset, in the image's units (HU
/// for CT).</summary>
/// <param name="Mean">Mean.</param>
/// <param name="Std">Population standard deviation.</param>
/// <param name="Min">Minimum.</param>
/// <param name="Max">Maximum.</param>
/// <param name="Median">Median.</param>
/// <param name="Percentile005">0.5th percentile (key percentile_00_5).</param>
/// <param name="Percentile995">99.5th percentile (key percentile_99_5).</param>
public sealed record IntensityProperties(
    double Mean, double Std, double Min, double Max, double Median, double Percentile005, double Percentile995)
{
    /// <summary>Reads one entry of foreground_intensity_properties_per_channel.</summary>
    public static IntensityProperties From(JsonFields fields) => new(
        fields.Number("mean"), fields.Number("std"), fields.Number("min"), fields.Number("max"),
        fields.Number("median"), fields.Number("percentile_00_5"), fields.Number("percentile_99_5"));

    /// <summary>Reads foreground_intensity_properties_per_channel, channel 0 first.</summary>
    public static IntensityProperties[] AllFrom(JsonFields fields)
    {
        var channels = fields.Object("foreground_intensity_properties_per_channel");
        return [.. Enumerable.Range(0, channels.Json.Count).Select(channel => From(channels.Object($"{channel}")))];
    }

    /// <summary>The entry as nnU-Net writes it.</summary>
    public JsonObject ToJson() => new()
    {
        ["max"] = Max,
        ["mean"] = Mean,
        ["median"] = Median,
        ["min"] = Min,
        ["percentile_00_5"] = Percentile005,
        ["percentile_99_5"] = Percentile995,
        ["std"] = Std,
    };
}
