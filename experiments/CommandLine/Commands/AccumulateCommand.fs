/// `medseg accumulate-crossval-results 901 -n NETWORK`: the validation cases of all folds in one folder, evaluated together.
module MedSegDsl.Experiments.CommandLine.Commands.AccumulateCommand

open System
open System.IO
open Argu
open MedSegDsl.Runtime.Dataset
open MedSegDsl.Runtime.Selection
open MedSegDsl.Experiments.Console
open MedSegDsl.Experiments.Workflow
open MedSegDsl.Experiments.CommandLine.SelectionArguments

let run (args: ParseResults<AccumulateArgs>) =
    let folders = NnUNetFolders.FromEnvironment()
    let dataset = folders.DatasetName(args.GetResult AccumulateArgs.Dataset)
    let folds = args.GetResult(AccumulateArgs.Folds, Selection.allFolds) |> Array.ofList

    let model =
        folders.ResultsOf(
            dataset,
            Selection.trainer
                (args.TryGetResult AccumulateArgs.Network)
                (args.TryGetResult AccumulateArgs.Trainer),
            args.GetResult(AccumulateArgs.Plans, "nnUNetPlans"),
            args.GetResult(AccumulateArgs.Configuration, "3d_fullres")
        )

    let output =
        args.GetResult(AccumulateArgs.Output, Path.Combine(model, ValidationFolds.FolderName folds))

    let result =
        CaseBar.run "evaluating" (fun report ->
            CrossValidation.Accumulate(
                model,
                output,
                folds,
                ValidationFolds.References(folders, dataset),
                Action<int, int>(fun done' total -> report done' total "cases")
            ))

    match result.Summary with
    | null -> ()
    | summary ->
        Evaluation.show summary
        printfn "predictions and summary.json of %d cases are in %s" summary.Cases.Count output

    Exit.withFailures result.Failures
