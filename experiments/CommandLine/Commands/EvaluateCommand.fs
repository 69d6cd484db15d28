/// `medseg evaluate REFERENCE PREDICTION`: Dice and IoU of every case and class, as nnU-Net's summary.json.
module MedSegDsl.Experiments.CommandLine.Commands.EvaluateCommand

open System.IO
open Argu
open MedSegDsl.Runtime.Dataset
open MedSegDsl.Experiments.Console
open MedSegDsl.Experiments.Workflow
open MedSegDsl.Experiments.CommandLine.Arguments

let run (args: ParseResults<EvaluateArgs>) =
    let reference, prediction = args.GetResult EvaluateArgs.Folders

    let json =
        args.GetResult(EvaluateArgs.Dataset_Json, Path.Combine(prediction, "dataset.json"))

    let output =
        args.GetResult(EvaluateArgs.Output, Path.Combine(prediction, "summary.json"))

    let result =
        Evaluation.evaluate (DatasetJson.Read json) reference prediction output (args.Contains Chill)

    match result.Summary with
    | null -> ()
    | summary ->
        Evaluation.show summary
        printfn "wrote %s" output

    for failure in result.Failures do
        eprintfn "medseg: %s" failure

    if result.Failures.Count = 0 then
        Exit.done'
    else
        Exit.failed
