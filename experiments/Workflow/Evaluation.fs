/// Evaluation of a folder of predictions, with progress on the console.
[<RequireQualifiedAccess>]
module MedSegDsl.Experiments.Workflow.Evaluation

open System
open System.Globalization
open System.IO
open Spectre.Console
open MedSegDsl.Runtime.Dataset
open MedSegDsl.Runtime.Evaluation
open MedSegDsl.Runtime.Imaging
open MedSegDsl.Runtime.Statistics
open MedSegDsl.Experiments.Console

/// The rules and tolerances that the words name, for a dataset.
let request (dataset: DatasetJson) rules (tolerances: string list) =
    let rules = MetricRules.ByName rules

    let classes = [|
        for target in EvaluationTargets(dataset.LabelManager).Targets -> target.Name
    |]

    MetricRequest(rules, SurfaceTolerances.Parse(tolerances, rules.ToleranceMm, classes))

/// Compares the predictions of a folder with the references of the same names and writes summary.json; with metrics beyond
/// nnU-Net's, metrics.json and metrics.csv beside it.
let evaluate
    (dataset: DatasetJson)
    reference
    prediction
    (summary: string)
    allowMissing
    (metrics: MetricRequest option)
    =
    let result =
        CaseBar.run "evaluating" (fun report ->
            FolderEvaluation.Evaluate(
                reference,
                prediction,
                EvaluationTargets dataset.LabelManager,
                ImageReaders.For(dataset, null),
                dataset.FileEnding,
                allowMissing,
                Action<int, int>(fun done' total -> report done' total "cases"),
                Option.toObj metrics
            ))

    match result.Metrics with
    | null -> ()
    | report -> report.Write(nonNull (Path.GetDirectoryName(Path.GetFullPath summary)))

    match result.Summary with
    | null -> ()
    | content -> content.Write summary

    result

/// The means over cases, a row for each class.
let show (summary: EvaluationSummary) =
    let table = Table().Border(TableBorder.Simple).AddColumn "class"

    for header in [ "Dice"; "IoU" ] do
        table.AddColumn(header, fun column -> column.RightAligned() |> ignore) |> ignore

    let add (name: string) (means: MetricMeans) =
        table.AddRow(Markup.Escape name, $"%.4f{means.Dice}", $"%.4f{means.IoU}")
        |> ignore

    for target in summary.Targets do
        add target.Name summary.Means[target]

    add "foreground mean" summary.ForegroundMean
    AnsiConsole.Write table

let private number (metric: Metric) (value: float) =
    if Double.IsNaN value then
        "–"
    elif Double.IsInfinity value then
        "∞"
    else
        value.ToString($"F{metric.Digits}", CultureInfo.InvariantCulture)

/// Mean ± standard deviation, with the number of cases that have no finite value.
let private cell metric (values: float seq) =
    let sample = Sample.Of values
    let infinite = values |> Seq.filter Double.IsInfinity |> Seq.length

    let text =
        if sample.Count > 1 then
            $"{number metric sample.Mean} ± {number metric sample.Deviation}"
        else
            number metric sample.Mean

    if infinite > 0 then $"{text} ({infinite} ∞)" else text

/// Columns of characters where no terminal says how many it has.
[<Literal>]
let private widthOfFiles = 160

/// The metrics that the rules show, mean ± deviation over cases, a row for each class.
let showMetrics (report: MetricsReport) =
    let shown = report.Request.Rules.Shown
    let table = Table().Border(TableBorder.Simple)
    table.AddColumn("class", fun column -> column.NoWrap() |> ignore) |> ignore

    for metric in shown do
        table.AddColumn(Markup.Escape metric.Name, fun column -> column.RightAligned().NoWrap() |> ignore)
        |> ignore

    let add (name: string) cells =
        table.AddRow(Array.ofList (Markup.Escape name :: cells)) |> ignore

    for name in report.Classes do
        add name [ for metric in shown -> cell metric (report.Values(name, metric)) ]

    table.AddEmptyRow() |> ignore

    for group in report.Request.Rules.Groups report.Classes do
        add group.Name [
            for metric in shown -> number metric (report.OverClasses(metric, group.Classes).Mean)
        ]

    add "mean of classes" [
        for metric in shown -> number metric (report.OverClasses(metric, report.Classes).Mean)
    ]

    if Console.IsOutputRedirected then
        AnsiConsole.Profile.Width <- widthOfFiles

    AnsiConsole.Write table

    if Seq.contains Metric.SurfaceDice shown then
        let tolerances =
            report.Classes
            |> Seq.map report.Request.Tolerances.Of
            |> Seq.distinct
            |> Seq.sort

        let list = String.Join(", ", tolerances |> Seq.map (fun mm -> $"{mm}"))
        printfn $"NSD at {list} mm; {report.Request.Rules.Description}"
