using System.Text.Json;
using MedSegDsl.Runtime.Imaging;

namespace MedSegDsl.Runtime.Evaluation;

/// <summary>
/// A step of post-processing: of the voxels that have one of some labels, only the largest connected component stays
/// (nnU-Net v2, postprocessing/remove_connected_components.py).
/// </summary>
public sealed class LargestComponent
{
    /// <summary>The step for the union of these labels.</summary>
    public LargestComponent(IEnumerable<int> labels) => Wanted = [.. labels];

    /// <summary>The labels that are looked at together.</summary>
    public IReadOnlyList<int> Wanted { get; }

    /// <summary>A copy of a label map in which the other components are background.</summary>
    public ImageArray<short> Apply(ImageArray<short> labels)
    {
        var mask = BinaryMask.Of(labels, Wanted);
        var kept = new ConnectedComponents(mask).Largest();
        var result = (short[])labels.Data.Clone();
        for (var i = 0; i < result.Length; i++)
        {
            if (mask.Voxels[i] && !kept.Voxels[i])
                result[i] = 0;
        }

        return new ImageArray<short>(result, 1, labels.Shape);
    }

    /// <summary>Reads <c>labels_or_regions</c> of nnU-Net: a label, or a list of labels and regions, all of them together.</summary>
    public static IReadOnlyList<int> Labels(JsonElement labelsOrRegions) =>
        labelsOrRegions.ValueKind == JsonValueKind.Array
            ? [.. labelsOrRegions.EnumerateArray().SelectMany(Labels)]
            : [labelsOrRegions.GetInt32()];
}
