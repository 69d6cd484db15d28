using System.Text.Json.Nodes;

namespace MedSegDsl.Runtime.Evaluation;

/// <summary>One prediction against its reference.</summary>
/// <param name="PredictionFile">The predicted label map.</param>
/// <param name="ReferenceFile">The reference label map.</param>
/// <param name="Metrics">Counts for each label or region, in the order of the dataset.</param>
public sealed record CaseEvaluation(
    string PredictionFile, string ReferenceFile, IReadOnlyDictionary<LabelOrRegion, ConfusionCounts> Metrics)
{
    /// <summary>The entry of <c>metric_per_case</c>.</summary>
    public JsonObject ToJson() => new()
    {
        ["metrics"] = new JsonObject(Metrics.Select(pair => KeyValuePair.Create(pair.Key.Key, (JsonNode?)ToJson(pair.Value)))),
        ["prediction_file"] = PredictionFile,
        ["reference_file"] = ReferenceFile,
    };

    private static JsonObject ToJson(ConfusionCounts counts) => new()
    {
        ["Dice"] = counts.Dice,
        ["FN"] = counts.FalseNegatives,
        ["FP"] = counts.FalsePositives,
        ["IoU"] = counts.IoU,
        ["TN"] = counts.TrueNegatives,
        ["TP"] = counts.TruePositives,
        ["n_pred"] = counts.Predicted,
        ["n_ref"] = counts.Reference,
    };
}
