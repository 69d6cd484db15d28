using System.Text.Json.Nodes;
using MedSegDsl.Runtime.Files;

namespace MedSegDsl.Runtime.Planning;

/// <summary>dataset_fingerprint.json: what the planner knows of a dataset.</summary>
/// <param name="Shapes">For each case the voxels along z, y, x after cropping; whole numbers.</param>
/// <param name="Spacings">For each case the spacing in mm along z, y, x.</param>
/// <param name="MedianRelativeSize">Median over cases of voxels after cropping / before.</param>
/// <param name="Intensities">Foreground statistics of each channel.</param>
public sealed record DatasetFingerprint(
    IReadOnlyList<double[]> Shapes,
    IReadOnlyList<double[]> Spacings,
    double MedianRelativeSize,
    IReadOnlyList<IntensityProperties> Intensities)
{
    /// <summary>The name of the file in the folder of a preprocessed dataset.</summary>
    public const string FileName = "dataset_fingerprint.json";

    /// <summary>Reads a fingerprint.</summary>
    /// <exception cref="UserException">The file is missing or wrong.</exception>
    public static DatasetFingerprint Read(string path)
    {
        var fields = JsonFields.Read(path);
        var shapes = fields.NumberRows("shapes_after_crop");
        var spacings = fields.NumberRows("spacings");
        if (shapes.Length == 0 || shapes.Length != spacings.Length || shapes.Concat(spacings).Any(row => row.Length != 3))
            throw new UserException($"{path}: \"shapes_after_crop\" and \"spacings\" should have three numbers for each case");
        return new(
            shapes, spacings, fields.Number("median_relative_size_after_cropping"), IntensityProperties.AllFrom(fields));
    }

    /// <summary>Writes the fingerprint as nnU-Net does, keys sorted.</summary>
    public void Write(string path) => PythonJson.Write(path, new JsonObject
    {
        ["foreground_intensity_properties_per_channel"] = IntensitiesToJson(),
        ["median_relative_size_after_cropping"] = MedianRelativeSize,
        ["shapes_after_crop"] = new JsonArray([.. Shapes.Select(shape => PythonJson.List(shape.Select(edge => (int)edge)))]),
        ["spacings"] = new JsonArray([.. Spacings.Select(PythonJson.List)]),
    }, sortKeys: true);

    /// <summary>foreground_intensity_properties_per_channel, which the plans repeat.</summary>
    public JsonObject IntensitiesToJson() => new(
        Intensities.Select((channel, i) => KeyValuePair.Create($"{i}", (JsonNode?)channel.ToJson())));
}
