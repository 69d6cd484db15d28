/// `medseg list`: what the catalogue offers by name.
module MedSegDsl.Experiments.CommandLine.Commands.ListCommand

open Argu
open MedSegDsl
open MedSegDsl.Runtime
open MedSegDsl.Experiments.Console
open MedSegDsl.Experiments.CommandLine
open MedSegDsl.Experiments.CommandLine.Arguments

let private section title lines =
    printfn "%s" title

    for line in lines do
        printfn "  %s" line

let private networks () = section "networks" Networks.names

let private trainers () =
    section "trainers" [ for alias in TrainerAliases.all -> $"%-32s{alias.Name} {alias.Network}" ]

let private experiments () =
    section "experiments" [
        for experiment in Catalogue.experiments ->
            $"%-20s{experiment.Name} {experiment.Network.Name} on {experiment.Dataset.Folder}"
    ]

let private datasets () =
    section "datasets" [ for dataset in Datasets.all -> dataset.Folder ]

let run (args: ParseResults<ListArgs>) =
    match args.TryGetResult What with
    | None ->
        networks ()
        trainers ()
        experiments ()
        datasets ()
    | Some "networks" -> networks ()
    | Some "trainers" -> trainers ()
    | Some "experiments" -> experiments ()
    | Some "datasets" -> datasets ()
    | Some other ->
        raise (UserException $"{other}: there are networks, trainers, experiments and datasets to list")

    Exit.done'
