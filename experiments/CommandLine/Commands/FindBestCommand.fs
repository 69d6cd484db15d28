/// `medseg find-best-configuration 901`: which trained model, or which two, and which post-processing.
module MedSegDsl.Experiments.CommandLine.Commands.FindBestCommand

open System
open System.IO
open Argu
open MedSegDsl.Runtime.Dataset
open MedSegDsl.Runtime.Selection
open MedSegDsl.Runtime.Training
open MedSegDsl.Experiments.Console
open MedSegDsl.Experiments.Workflow
open MedSegDsl.Experiments.CommandLine.SelectionArguments

let run (args: ParseResults<FindBestArgs>) =
    let folders = NnUNetFolders.FromEnvironment()
    let dataset = folders.DatasetName(args.GetResult FindBestArgs.Dataset)

    let trainers =
        args.GetResult(FindBestArgs.Trainers, [])
        @ [
            for network in args.GetResult(FindBestArgs.Networks, []) -> TrainingIdentity.TrainerOf network
        ]

    let models =
        Selection.models
            folders
            dataset
            trainers
            (args.GetResult(FindBestArgs.Plans, [ "nnUNetPlans" ]))
            (args.GetResult(FindBestArgs.Configurations, []))

    let folds = args.GetResult(FindBestArgs.Folds, Selection.allFolds) |> Array.ofList

    let search =
        BestConfiguration(folders, dataset, folds, Action<string>(printfn "%s"))

    let choice =
        search.Find(Array.ofList models, not (args.Contains FindBestArgs.Disable_Ensembling))

    printfn "mean foreground Dice after post-processing: %.4f" choice.DiceAfter
    printfn ""
    printfn "%s" (choice.Instructions())
    let results = Path.Combine(folders.Results, dataset)

    printfn
        "wrote %s and %s"
        (Path.Combine(results, BestConfiguration.InformationName))
        BestConfiguration.InstructionsName

    Exit.done'
