/// `medseg compare -d 901 -n A B`: the results of several trained models in one table.
module MedSegDsl.Experiments.CommandLine.Commands.CompareCommand

open System.IO
open Argu
open MedSegDsl
open MedSegDsl.Runtime
open MedSegDsl.Runtime.Comparison
open MedSegDsl.Runtime.Dataset
open MedSegDsl.Runtime.Selection
open MedSegDsl.Runtime.Training
open MedSegDsl.Experiments.Console
open MedSegDsl.Experiments.Workflow
open MedSegDsl.Experiments.CommandLine
open MedSegDsl.Experiments.CommandLine.SelectionArguments

/// `FOLDER` or `NAME=FOLDER`.
let private ofFolder (word: string) =
    match word.IndexOf '=' with
    | at when at > 0 && not (Directory.Exists word) -> ModelResults(word[.. at - 1], word[at + 1 ..])
    | _ ->
        let results = ModelResults("", word)

        let name =
            if results.IsPredictions then
                string (Path.GetFileName(Path.TrimEndingDirectorySeparator word))
            else
                let model = ModelName.Of word

                match model.Network with
                | null -> model.Identifier
                | network -> network

        ModelResults(name, word)

let private ofNetworks (folders: NnUNetFolders) (args: ParseResults<CompareArgs>) networks =
    match args.TryGetResult CompareArgs.Dataset with
    | None -> raise (UserException "compare needs the dataset of the networks: -d")
    | Some dataset -> [
        for network in networks ->
            ModelResults(
                network,
                folders.ResultsOf(
                    folders.DatasetName dataset,
                    TrainingIdentity.TrainerOf network,
                    args.GetResult(CompareArgs.Plans, "nnUNetPlans"),
                    args.GetResult(CompareArgs.Configuration, "3d_fullres")
                )
            )
      ]

let run (args: ParseResults<CompareArgs>) =
    let folders = NnUNetFolders.FromEnvironment()

    let models =
        List.map ofFolder (args.GetResult(CompareArgs.Folders, []))
        @ match args.TryGetResult CompareArgs.Networks with
          | Some networks -> ofNetworks folders args networks
          | None -> []

    if models.IsEmpty then
        raise (UserException "compare needs models: their folders, or -d DATASET and -n NETWORK NETWORK")

    let output = args.GetResult(CompareArgs.Output, "comparison")
    let device = args.GetResult(CompareArgs.Device, "auto")
    Parse.device device |> ignore

    let table, failures =
        Comparison.run
            folders
            {
                Models = models
                Folds = args.GetResult(CompareArgs.Folds, [])
                Rules = args.GetResult(CompareArgs.Rules, "standard")
                Tolerances = args.GetResult(CompareArgs.Tolerance, [])
                Reference = args.TryGetResult CompareArgs.Reference
                Measure =
                    if args.Contains CompareArgs.Measure then
                        Some device
                    else
                        None
            }
            output

    printfn "%s" (Markdown.render table)
    printfn "tables and pictures are in %s" output
    Exit.withFailures failures
