/// `medseg convert amos FOLDER`: a published dataset, ready to plan.
module MedSegDsl.Experiments.CommandLine.Commands.ConvertCommand

open System
open Argu
open MedSegDsl.Runtime
open MedSegDsl.Runtime.Conversion
open MedSegDsl.Runtime.Dataset
open MedSegDsl.Experiments.Console
open MedSegDsl.Experiments.Workflow
open MedSegDsl.Experiments.CommandLine.Arguments

let private dataset (args: ParseResults<ConvertArgs>) name folder =
    let folders = NnUNetFolders.FromEnvironment()

    let options =
        ConversionOptions(
            args.TryGetResult ConvertArgs.Dataset |> Option.toNullable,
            args.Contains Partial,
            args.Contains ConvertArgs.Overwrite,
            args.GetResult(ConvertArgs.Workers, Environment.ProcessorCount)
        )

    let made = Conversion.convert folders (Conversion.find name folder) options
    printfn "%d training cases and %d test cases are in %s" made.Training made.Test made.Folder

    match made.SplitsFile with
    | null -> ()
    | file -> printfn "the release's split is in %s" file

let private submission (args: ParseResults<ConvertArgs>) folder =
    match args.TryGetResult ConvertArgs.Output with
    | Some output ->
        let count = BraTS2021.ToSubmission(folder, output)
        printfn "%d label maps with the labels of BraTS are in %s" count output
    | None -> raise (UserException "brats-submission needs --output, the folder for the new label maps")

let run (args: ParseResults<ConvertArgs>) =
    match args.GetResult ConvertArgs.Release with
    | "brats-submission", folder -> submission args folder
    | name, folder -> dataset args name folder

    Exit.done'
