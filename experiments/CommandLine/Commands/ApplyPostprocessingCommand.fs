/// `medseg apply-postprocessing -i FOLDER -o FOLDER -pp_json_file FILE`: the post-processing that was found, on new
/// segmentations.
module MedSegDsl.Experiments.CommandLine.Commands.ApplyPostprocessingCommand

open System.IO
open Argu
open MedSegDsl.Runtime
open MedSegDsl.Runtime.Dataset
open MedSegDsl.Runtime.Evaluation
open MedSegDsl.Runtime.Files
open MedSegDsl.Runtime.Imaging
open MedSegDsl.Experiments.Console
open MedSegDsl.Experiments.CommandLine.SelectionArguments

let run (args: ParseResults<ApplyPostprocessingArgs>) =
    let input = args.GetResult ApplyPostprocessingArgs.Input
    let output = args.GetResult ApplyPostprocessingArgs.Output
    let file = args.GetResult ApplyPostprocessingArgs.Postprocessing

    if file.EndsWith ".pkl" then
        raise (UserException $"{file}: is Python's own format; take the {Postprocessing.FileName} beside it")

    let dataset =
        DatasetJson.Read(
            args.GetResult(ApplyPostprocessingArgs.Dataset_Json, Path.Combine(input, "dataset.json"))
        )

    let steps = Postprocessing.Read file

    let failures =
        steps.ApplyToFolder(input, output, ImageReaders.For(dataset, null), dataset.FileEnding)

    FileCopy.Descriptions(input, output)
    printfn "%d steps applied; segmentations are in %s" steps.Steps.Count output
    Exit.withFailures failures
