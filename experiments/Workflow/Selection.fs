/// Trained models by the words of the command line.
[<RequireQualifiedAccess>]
module MedSegDsl.Experiments.Workflow.Selection

open System.IO
open MedSegDsl
open MedSegDsl.Runtime
open MedSegDsl.Runtime.Dataset
open MedSegDsl.Runtime.Selection
open MedSegDsl.Runtime.Training

/// nnU-Net's five.
let allFolds = [ "0"; "1"; "2"; "3"; "4" ]

/// The trainer's name of a network, or the trainer itself where it is given.
let trainer (network: string option) (trainer: string option) =
    match trainer, network with
    | Some trainer, _ -> trainer
    | None, Some network -> TrainingIdentity.TrainerOf network
    | None, None -> TrainingIdentity.TrainerOf UlikeMamba.multiTri.Name

/// Every model in the dataset's folder of results, sorted by name.
let trained (folders: NnUNetFolders) dataset =
    let folder = Path.Combine(folders.Results, dataset)

    if not (Directory.Exists folder) then
        raise (UserException $"{folder}: no such folder; nothing has been trained on {dataset}")

    [
        for model in Directory.GetDirectories folder |> Array.sort do
            if File.Exists(Path.Combine(model, "plans.json")) then
                ModelName.Of model
    ]

/// The models of these trainers, plans and configurations. Where configurations are given each of them must be trained, save
/// those that the plans do not have; else those that are there are taken.
let models (folders: NnUNetFolders) dataset trainers plans configurations =
    let there = trained folders dataset

    let chosen =
        match trainers, configurations with
        | _, []
        | [], _ ->
            there
            |> List.filter (fun model ->
                (List.isEmpty trainers || List.contains model.Trainer trainers)
                && (List.isEmpty configurations || List.contains model.Configuration configurations)
                && List.contains model.Plans plans)
        | trainers, configurations -> [
            for trainer in trainers do
                for configuration in configurations do
                    for name in plans do
                        let known =
                            (Planning.Plans.ReadFrom(folders.PreprocessedDataset dataset, name))
                                .ConfigurationNames

                        if Seq.contains configuration known then
                            ModelName(trainer, name, configuration)
                        else
                            printfn "%s has no configuration %s; it is skipped" name configuration
          ]

    if chosen.IsEmpty then
        let names = there |> List.map _.Identifier |> String.concat ", "

        raise (
            UserException
                $"""{dataset}: no trained model of these names; there {if names = "" then "is none" else $"are {names}"}"""
        )

    chosen
