/// Evaluation of a folder of predictions, with progress on the console.
[<RequireQualifiedAccess>]
module MedSegDsl.Experiments.Workflow.Evaluation

open System
open System.IO
open Spectre.Console
open MedSegDsl.Runtime.Dataset
open MedSegDsl.Runtime.Evaluation
open MedSegDsl.Runtime.Imaging
open MedSegDsl.Experiments.Console

/// Compares the predictions of a folder with the references of the same names and writes summary.json.
let evaluate (dataset: DatasetJson) reference prediction (summary: string) allowMissing =
    let example =
        Directory.EnumerateFiles(reference, "*" + dataset.FileEnding) |> Seq.tryHead

    let result =
        CaseBar.run "evaluating" (fun report ->
            FolderEvaluation.Evaluate(
                reference,
                prediction,
                EvaluationTargets dataset.LabelManager,
                ImageReaders.For(dataset, Option.toObj example),
                dataset.FileEnding,
                allowMissing,
                Action<int, int>(fun done' total -> report done' total "cases")
            ))

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
