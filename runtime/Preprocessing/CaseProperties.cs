using System.Text.Json.Nodes;
using MedSegDsl.Runtime.Files;

namespace MedSegDsl.Runtime.Preprocessing;

/// <summary>What was done to a case, so that a prediction finds its way back to the image's own
/// grid.</summary>
/// <param name="Spacing">Spacing of the file in mm, z, y, x, not transposed.</param>
/// <param name="ShapeBeforeCropping">Transposed shape of the whole image.</param>
/// <param name="CropBox">The half-open box [[z0, z1], [y0, y1], [x0, x1]] that was kept, transposed.</param>
/// <param name="ShapeBeforeResampling">Transposed shape after cropping.</param>
public sealed record CaseProperties(
    double[] Spacing, int[] ShapeBeforeCropping, int[][] CropBox, int[] ShapeBeforeResampling)
{
    /// <summary>Reads the properties under nnU-Net's names.</summary>
    /// <exception cref="UserException">A field is missing or wrong.</exception>
    public static CaseProperties From(JsonFields fields) => new(
        fields.Numbers("spacing"),
        fields.Wholes("shape_before_cropping"),
        fields.WholeRows("bbox_used_for_cropping"),
        fields.Wholes("shape_after_cropping_and_before_resampling"));

    /// <summary>The properties under nnU-Net's names.</summary>
    public JsonObject ToJson() => new()
    {
        ["spacing"] = PythonJson.List(Spacing),
        ["shape_before_cropping"] = PythonJson.List(ShapeBeforeCropping),
        ["bbox_used_for_cropping"] = new JsonArray([.. CropBox.Select(PythonJson.List)]),
        ["shape_after_cropping_and_before_resampling"] = PythonJson.List(ShapeBeforeResampling),
    };
}
