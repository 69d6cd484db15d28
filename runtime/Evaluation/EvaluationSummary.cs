using System.Text.Json.Nodes;
using MedSegDsl.Runtime.Files;

namespace MedSegDsl.Runtime.Evaluation;

/// <summary>The evaluation of several cases: nnU-Net's summary.json (nnunetv2/evaluation/evaluate_predictions.py).</summary>
public sealed class EvaluationSummary
{
    /// <summary>Averages over cases and classes.</summary>
    /// <param name="targets">The labels or regions, in the order of the dataset.</param>
    /// <param name="cases">At least one case, each with counts for every target.</param>
    public EvaluationSummary(IReadOnlyList<LabelOrRegion> targets, IReadOnlyList<CaseEvaluation> cases)
    {
        Targets = targets;
        Cases = cases;
        Means = targets.ToDictionary(
            target => target,
            target => MetricMeans.OverCases([.. cases.Select(one => one.Metrics[target])]));
        ForegroundMean = MetricMeans.OverClasses([.. targets.Select(target => Means[target])]);
    }

    /// <summary>The labels or regions.</summary>
    public IReadOnlyList<LabelOrRegion> Targets { get; }

    /// <summary>The cases, sorted by file name.</summary>
    public IReadOnlyList<CaseEvaluation> Cases { get; }

    /// <summary>The mean over cases for each label or region.</summary>
    public IReadOnlyDictionary<LabelOrRegion, MetricMeans> Means { get; }

    /// <summary>The mean over the labels or regions.</summary>
    public MetricMeans ForegroundMean { get; }

    /// <summary>The content of summary.json.</summary>
    public JsonObject ToJson()
    {
        var json = MeansToJson();
        json["metric_per_case"] = new JsonArray([.. Cases.Select(one => one.ToJson())]);
        return json;
    }

    /// <summary>The averages alone, as postprocessing.json holds them.</summary>
    public JsonObject MeansToJson() => new()
    {
        ["foreground_mean"] = ForegroundMean.ToJson(),
        ["mean"] = new JsonObject(Targets.Select(target =>
            KeyValuePair.Create(target.Key, (JsonNode?)Means[target].ToJson()))),
    };

    /// <summary>Writes summary.json: keys sorted, NaN as a bare word, as nnU-Net does.</summary>
    public void Write(string path) => PythonJson.Write(path, ToJson(), sortKeys: true);
}
