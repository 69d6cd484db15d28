/// `medseg evaluate REFERENCE PREDICTION`: every metric of every case and class, and nnU-Net's summary.json.
module MedSegDsl.Experiments.CommandLine.Commands.EvaluateCommand

open System.IO
open Argu
open MedSegDsl.Runtime.Dataset
open MedSegDsl.Runtime.Evaluation
open MedSegDsl.Experiments.Console
open MedSegDsl.Experiments.Workflow
open MedSegDsl.Experiments.CommandLine.Arguments

let run (args: ParseResults<EvaluateArgs>) =
    let reference, prediction = args.GetResult EvaluateArgs.Folders

    let json =
        args.GetResult(EvaluateArgs.Dataset_Json, Path.Combine(prediction, "dataset.json"))

    let output =
        args.GetResult(EvaluateArgs.Output, Path.Combine(prediction, "summary.json"))

    let dataset = DatasetJson.Read json

    let metrics =
        Evaluation.request dataset (args.GetResult(Rules, "standard")) (args.GetResult(Tolerance, []))

    let result =
        Evaluation.evaluate dataset reference prediction output (args.Contains Chill) (Some metrics)

    match result.Metrics with
    | null -> ()
    | report ->
        Evaluation.showMetrics report
        printfn "wrote %s, and %s and %s beside it" output MetricsReport.JsonName MetricsReport.CsvName

    let unpictured =
        match args.TryGetResult Pictures, result.Summary, result.Metrics with
        | Some count, NonNull summary, NonNull report ->
            let folder =
                Path.Combine(string (Path.GetDirectoryName(Path.GetFullPath output)), "pictures")

            let images = args.GetResult(Images, EvaluationPictures.imagesOf reference)
            let lines = EvaluationPictures.write dataset images count summary report folder
            printfn "pictures are in %s" folder
            lines
        | _ -> []

    Exit.withFailures (Seq.append result.Failures unpictured)
