using System.Text.Json.Nodes;
using MedSegDsl.Runtime.Files;
using MedSegDsl.Runtime.Imaging;

namespace MedSegDsl.Runtime.Evaluation;

/// <summary>
/// A step of post-processing: of the voxels that have one of some labels, only the largest connected component stays
/// (nnU-Net v2, postprocessing/remove_connected_components.py).
/// </summary>
public sealed class LargestComponent
{
    /// <summary>The name of the step in nnU-Net's files.</summary>
    public const string FunctionName = "remove_all_but_largest_component_from_segmentation";

    private readonly bool isList;

    private LargestComponent(int[] labels, bool isList)
    {
        Labels = labels;
        this.isList = isList;
    }

    /// <summary>The labels that are looked at together.</summary>
    public IReadOnlyList<int> Labels { get; }

    /// <summary>The step for one label or region.</summary>
    public static LargestComponent Of(LabelOrRegion target) => new([.. target.Labels], target.IsRegion);

    /// <summary>The step for several labels together.</summary>
    public static LargestComponent OfAll(IEnumerable<int> labels) => new([.. labels], true);

    /// <summary>Reads nnU-Net's <c>labels_or_regions</c>: a label, or a list of labels and regions, all of them together.</summary>
    /// <exception cref="UserException">It is something else.</exception>
    public static LargestComponent FromJson(JsonNode? labelsOrRegions, string source) =>
        new([.. Flatten(labelsOrRegions, source)], labelsOrRegions is JsonArray);

    /// <summary>As nnU-Net writes it.</summary>
    public JsonNode ToJson() => isList ? PythonJson.List(Labels) : JsonValue.Create(Labels[0]);

    /// <summary>A copy of a label map in which the other components are background.</summary>
    public ImageArray<short> Apply(ImageArray<short> labels)
    {
        var mask = BinaryMask.Of(labels, Labels);
        var kept = new ConnectedComponents(mask).Largest();
        var result = (short[])labels.Data.Clone();
        for (var i = 0; i < result.Length; i++)
        {
            if (mask.Voxels[i] && !kept.Voxels[i])
                result[i] = 0;
        }

        return new ImageArray<short>(result, 1, labels.Shape);
    }

    private static IEnumerable<int> Flatten(JsonNode? node, string source) => node switch
    {
        JsonArray list => list.SelectMany(element => Flatten(element, source)),
        JsonValue value when value.TryGetValue<int>(out var label) => [label],
        _ => throw new UserException($"{source}: \"labels_or_regions\" should be a label or a list of labels"),
    };
}
