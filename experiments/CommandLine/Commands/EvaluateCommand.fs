/// `medseg evaluate REFERENCE PREDICTION`: Dice and IoU of every case and class, as nnU-Net's summary.json.
module MedSegDsl.Experiments.CommandLine.Commands.EvaluateCommand

open System
open System.IO
open Argu
open Spectre.Console
open MedSegDsl.Runtime.Dataset
open MedSegDsl.Runtime.Evaluation
open MedSegDsl.Runtime.Imaging
open MedSegDsl.Experiments.CommandLine
open MedSegDsl.Experiments.CommandLine.Arguments

/// The means over cases, a row for each class.
let show (summary: EvaluationSummary) =
    let table = Table().Border(TableBorder.Simple)
    for header in [ "class"; "Dice"; "IoU" ] do
        table.AddColumn(header, fun column -> if header <> "class" then column.RightAligned() |> ignore) |> ignore
    let add (name: string) (means: MetricMeans) =
        table.AddRow(Markup.Escape name, $"%.4f{means.Dice}", $"%.4f{means.IoU}") |> ignore
    for target in summary.Targets do
        add target.Name summary.Means[target]
    add "foreground mean" summary.ForegroundMean
    AnsiConsole.Write table

/// Evaluates a folder and writes the summary; the lines of cases that failed come back.
let evaluate (dataset: DatasetJson) reference prediction (output: string) allowMissing =
    let reader = ImageReaders.For(dataset, Seq.tryHead (Directory.EnumerateFiles(reference, "*" + dataset.FileEnding)) |> Option.toObj)
    let result =
        CaseBar.run "evaluating" (fun report ->
            FolderEvaluation.Evaluate(
                reference,
                prediction,
                EvaluationTargets dataset.LabelManager,
                reader,
                dataset.FileEnding,
                allowMissing,
                Action<int, int>(fun done' total -> report done' total "cases")
            ))
    match result.Summary with
    | null -> ()
    | summary -> summary.Write output
    result

let run (args: ParseResults<EvaluateArgs>) =
    let reference, prediction = args.GetResult EvaluateArgs.Folders
    let json = args.GetResult(EvaluateArgs.Dataset_Json, Path.Combine(prediction, "dataset.json"))
    let output = args.GetResult(EvaluateArgs.Output, Path.Combine(prediction, "summary.json"))
    let result = evaluate (DatasetJson.Read json) reference prediction output (args.Contains Chill)
    match result.Summary with
    | null -> ()
    | summary ->
        show summary
        printfn "wrote %s" output
    for failure in result.Failures do
        eprintfn "medseg: %s" failure
    if result.Failures.Count = 0 then Exit.done' else Exit.failed
