using System.Text;
using System.Text.Json.Nodes;
using MedSegDsl.Runtime.Files;
using MedSegDsl.Runtime.Statistics;

namespace MedSegDsl.Runtime.Evaluation;

/// <summary>All metrics of a folder of predictions: metrics.json and metrics.csv, beside nnU-Net's summary.json.</summary>
/// <param name="Request">The rules and tolerances that they were measured with.</param>
/// <param name="Classes">Names of the classes, in the order of the dataset.</param>
/// <param name="Cases">The cases, sorted by name.</param>
public sealed record MetricsReport(MetricRequest Request, IReadOnlyList<string> Classes, IReadOnlyList<CaseMetrics> Cases)
{
    /// <summary>The name of the JSON file.</summary>
    public const string JsonName = "metrics.json";

    /// <summary>The name of the table.</summary>
    public const string CsvName = "metrics.csv";

    /// <summary>The values of a class, one for each case in their order; NaN where the rules give none.</summary>
    public IReadOnlyList<double> Values(string name, Metric metric)
    {
        var index = Classes.ToList().IndexOf(name);
        return [.. Cases.Select(one => one.Classes[index].Values[metric])];
    }

    /// <summary>
    /// The mean over a case's classes, those without a finite value left out; NaN where none has one. One for each case.
    /// </summary>
    public IReadOnlyList<double> CaseMeans(Metric metric) =>
        [.. Cases.Select(one => Sample.Of(one.Classes.Select(row => row.Values[metric])).Mean)];

    /// <summary>The mean of class means, those of cases without a value left out: of all classes, or of a group.</summary>
    public Sample OverClasses(Metric metric, IEnumerable<string> classes) =>
        Sample.Of(classes.Select(name => Sample.Of(Values(name, metric)).Mean));

    /// <summary>Writes metrics.json and metrics.csv into a folder.</summary>
    public void Write(string folder)
    {
        PythonJson.Write(Path.Combine(folder, JsonName), ToJson());
        AtomicFile.WriteText(Path.Combine(folder, CsvName), ToCsv());
    }

    /// <summary>Reads a metrics.json.</summary>
    /// <exception cref="UserException">It is missing, or of another form.</exception>
    public static MetricsReport Read(string path)
    {
        var fields = JsonFields.Read(path);
        var tolerances = fields.Object("tolerance_mm");
        string[] classes = fields.Texts("classes");
        var request = new MetricRequest(
            MetricRules.ByName(fields.Text("rules")),
            new SurfaceTolerances(double.NaN, classes.ToDictionary(name => name, tolerances.Number)));
        var cases = fields.Node("metric_per_case") as JsonArray ?? throw fields.Wrong("metric_per_case", "a list");
        return new MetricsReport(request, classes,
        [
            .. cases.Select((node, i) => new JsonFields(
                node as JsonObject ?? throw fields.Wrong("metric_per_case", "a list of objects"), $"{path}: case {i}"))
                .Select(one => new CaseMetrics(
                    one.Text("case"),
                    one.Numbers("spacing"),
                    [.. classes.Select(name => Row(name, one.Object("metrics").Object(name)))])),
        ]);

        static ClassMetrics Row(string name, JsonFields row) => new(
            name, row.Number("reference_ml"), row.Number("prediction_ml"),
            Metric.All.ToDictionary(metric => metric, metric => row.Number(metric.Name)));
    }

    private JsonObject ToJson() => new()
    {
        ["rules"] = Request.Rules.Name,
        ["tolerance_mm"] = Object(Classes, name => JsonValue.Create(Request.Tolerances.Of(name))),
        ["classes"] = PythonJson.List(Classes),
        ["foreground_mean"] = Object(Metric.All.Select(metric => metric.Name), name => Summary(OverClasses(ByName(name), Classes))),
        ["groups"] = new JsonObject(Request.Rules.Groups(Classes).Select(group => KeyValuePair.Create(
            group.Name,
            (JsonNode?)Object(Metric.All.Select(metric => metric.Name), name => Summary(OverClasses(ByName(name), group.Classes)))))),
        ["mean"] = Object(Classes, one => Object(Metric.All.Select(metric => metric.Name), name =>
        {
            var values = Values(one, ByName(name));
            var summary = Summary(Sample.Of(values));
            summary["infinite"] = values.Count(double.IsInfinity);
            return summary;
        })),
        ["metric_per_case"] = new JsonArray([.. Cases.Select(one => new JsonObject
        {
            ["case"] = one.Case,
            ["spacing"] = PythonJson.List(one.Spacing),
            ["metrics"] = new JsonObject(one.Classes.Select(row => KeyValuePair.Create(row.Class, (JsonNode?)RowToJson(row)))),
        })]),
    };

    private string ToCsv()
    {
        var text = new StringBuilder();
        string[] header =
        [
            "case", "class", "reference (ml)", "prediction (ml)", .. Metric.All.Select(metric => metric.Name), "NSD tolerance (mm)",
        ];
        text.Append(Csv.Line(header)).Append('\n');
        foreach (var one in Cases)
        {
            foreach (var row in one.Classes)
            {
                text.Append(Csv.Line(
                [
                    one.Case, row.Class, Csv.Number(row.ReferenceMl), Csv.Number(row.PredictionMl),
                    .. Metric.All.Select(metric => Csv.Number(row.Values[metric])),
                    Csv.Number(Request.Tolerances.Of(row.Class)),
                ])).Append('\n');
            }
        }

        return text.ToString();
    }

    private static Metric ByName(string name) => Metric.All.First(metric => metric.Name == name);

    private static JsonObject Object(IEnumerable<string> names, Func<string, JsonNode> value) =>
        new(names.Select(name => KeyValuePair.Create(name, (JsonNode?)value(name))));

    private static JsonObject Summary(Sample sample) => new()
    {
        ["mean"] = sample.Mean,
        ["std"] = sample.Deviation,
        ["n"] = sample.Count,
    };

    private static JsonObject RowToJson(ClassMetrics row)
    {
        var json = new JsonObject { ["reference_ml"] = row.ReferenceMl, ["prediction_ml"] = row.PredictionMl };
        foreach (var (metric, value) in row.Values)
            json[metric.Name] = value;
        return json;
    }
}
