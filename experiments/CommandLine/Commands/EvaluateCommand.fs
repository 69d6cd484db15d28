/// `medseg evaluate REFERENCE PREDICTION`: every metric of every case and class, and nnU-Net's summary.json.
module MedSegDsl.Experiments.CommandLine.Commands.EvaluateCommand

open System.IO
open Argu
open MedSegDsl.Runtime
open MedSegDsl.Runtime.Dataset
open MedSegDsl.Runtime.Evaluation
open MedSegDsl.Runtime.Pictures
open MedSegDsl.Experiments.Console
open MedSegDsl.Experiments.Workflow
open MedSegDsl.Experiments.CommandLine.Arguments

/// How many cases of each end are drawn, and in which slices; nothing without --pictures.
let private pictured (args: ParseResults<EvaluateArgs>) =
    let slices =
        match args.TryGetResult Slices, args.TryGetResult Plane with
        | None, None -> None
        | None, Some _ -> raise (UserException "--plane needs --slices: which slices of the plane?")
        | Some numbers, plane -> Some(SliceChoice(defaultArg plane "axial", numbers))

    match args.TryGetResult Pictures with
    | Some count when count < 1 ->
        raise (UserException $"--pictures {count}: how many of the worst and of the best cases? At least 1")
    | None when slices.IsSome -> raise (UserException "--slices needs --pictures: of how many cases?")
    | count -> count |> Option.map (fun count -> count, slices)

let run (args: ParseResults<EvaluateArgs>) =
    let reference, prediction = args.GetResult EvaluateArgs.Folders

    let json =
        args.GetResult(EvaluateArgs.Dataset_Json, Path.Combine(prediction, "dataset.json"))

    let output =
        args.GetResult(EvaluateArgs.Output, Path.Combine(prediction, "summary.json"))

    let drawn = pictured args

    if not (args.Contains EvaluateArgs.Dataset_Json || File.Exists json) then
        raise (UserException $"{json}: no such file; name the dataset's with --dataset-json")

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
        match drawn, result.Summary, result.Metrics with
        | Some(count, slices), NonNull summary, NonNull report ->
            let folder =
                Path.Combine(string (Path.GetDirectoryName(Path.GetFullPath output)), "pictures")

            let images = args.GetResult(Images, EvaluationPictures.imagesOf reference)

            let lines =
                EvaluationPictures.write dataset images count slices summary report folder

            printfn "pictures are in %s" folder
            lines
        | _ -> []

    Exit.withFailures (Seq.append result.Failures unpictured)
