/// `medseg apply-postprocessing -i FOLDER -o FOLDER -pp_pkl_file FILE`: the post-processing that was found, on new
/// segmentations.
module MedSegDsl.Experiments.CommandLine.Commands.ApplyPostprocessingCommand

open System.IO
open Argu
open MedSegDsl.Runtime.Dataset
open MedSegDsl.Runtime.Evaluation
open MedSegDsl.Runtime.Files
open MedSegDsl.Runtime.Imaging
open MedSegDsl.Experiments.Console
open MedSegDsl.Experiments.CommandLine.SelectionArguments

let run (args: ParseResults<ApplyPostprocessingArgs>) =
    let input = args.GetResult ApplyPostprocessingArgs.Input
    let output = args.GetResult ApplyPostprocessingArgs.Output

    let postprocessing =
        Postprocessing.Read(args.GetResult ApplyPostprocessingArgs.Postprocessing)

    let dataset =
        DatasetJson.Read(
            args.GetResult(ApplyPostprocessingArgs.Dataset_Json, Path.Combine(input, "dataset.json"))
        )

    let failures =
        postprocessing.ApplyToFolder(input, output, ImageReaders.For(dataset, null), dataset.FileEnding)

    FileCopy.Descriptions(input, output)
    printfn "%d steps applied; segmentations are in %s" postprocessing.Steps.Count output
    Exit.withFailures failures
