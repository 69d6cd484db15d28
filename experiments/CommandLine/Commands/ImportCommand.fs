/// `medseg import checkpoint_final.pth`: a trained model of weights from PyTorch or nnU-Net.
module MedSegDsl.Experiments.CommandLine.Commands.ImportCommand

open System
open Argu
open MedSegDsl
open MedSegDsl.Kernels
open MedSegDsl.Models
open MedSegDsl.Runtime
open MedSegDsl.Runtime.Dataset
open MedSegDsl.Runtime.Weights
open MedSegDsl.Experiments.Console
open MedSegDsl.Experiments.Workflow
open MedSegDsl.Experiments.CommandLine
open MedSegDsl.Experiments.CommandLine.Arguments

/// The network of `-n`, of the trainer of `-tr`, or of the trainer that the checkpoint names, and what its trainer sets.
let private trained (args: ParseResults<ImportArgs>) (file: WeightsFile) =
    match args.TryGetResult ImportArgs.Network, args.TryGetResult ImportArgs.Trainer, file.Checkpoint with
    | Some name, _, _ -> Parse.network name, asPublished
    | None, Some trainer, _ -> Parse.trained trainer
    | None, None, Null ->
        raise (UserException $"{file.Path}: which network do the weights belong to? Name it with -n")
    | None, None, NonNull checkpoint -> Parse.trained checkpoint.Trainer

let private source (args: ParseResults<ImportArgs>) file =
    match args.TryGetResult ImportArgs.Dataset with
    | None -> ImportSource.Of file
    | Some name ->
        let folders = NnUNetFolders.FromEnvironment()
        let dataset = folders.PreprocessedDataset(folders.DatasetName name)
        ImportSource.OfDataset(dataset, args.GetResult(ImportArgs.Plans, "nnUNetPlans"))

let private experiment (args: ParseResults<ImportArgs>) (file: WeightsFile) (source: ImportSource) =
    let network, asInItsTrainer = trained args file

    let configuration =
        match args.TryGetResult ImportArgs.Configuration, file.Checkpoint with
        | Some name, _ -> name
        | None, NonNull checkpoint -> checkpoint.Configuration
        | None, Null -> "3d_fullres"

    Experiment.create (Training.datasetOf source.Plans.DatasetName) network
    |> asInItsTrainer
    |> withConfiguration (Parse.configuration configuration)
    |> withPlans source.Plans.PlansName
    |> Parse.applied (args.TryGetResult ImportArgs.Patch) (Parse.patch >> withPatch)

let private fold (args: ParseResults<ImportArgs>) (file: WeightsFile) =
    match args.TryGetResult ImportArgs.Fold, file.Checkpoint with
    | Some fold, _ -> Parse.fold fold
    | None, NonNull checkpoint -> Parse.fold checkpoint.Fold
    | None, Null -> Fold.Index 0

let private read path =
    try
        WeightsFile.Read path
    with :? ModelException as wrong ->
        raise (UserException(wrong.Message, wrong))

let private describe (file: WeightsFile) =
    printfn "%s: %d tensors" file.Path file.Tensors.Count

    match file.Checkpoint with
    | Null -> ()
    | NonNull checkpoint ->
        printfn
            "nnU-Net checkpoint of %s, %s, fold %s, after %d epochs"
            checkpoint.Trainer
            checkpoint.Configuration
            checkpoint.Fold
            checkpoint.Epochs

let run (args: ParseResults<ImportArgs>) =
    NativeLibtorch.Load() |> ignore
    use file = read (args.GetResult ImportArgs.File)
    describe file
    let source = source args file

    let import =
        ModelImport(
            file,
            source,
            experiment args file source,
            fold args file,
            WeightsPatch =
                (args.TryGetResult ImportArgs.Weights_Patch
                 |> Option.map Parse.patch
                 |> Option.toNullable),
            Overwrite = args.Contains ImportArgs.Overwrite
        )

    let folder =
        match args.TryGetResult ImportArgs.Model with
        | Some folder -> folder
        | None ->
            let identity = import.Identity

            NnUNetFolders
                .FromEnvironment()
                .ResultsOf(identity.Dataset, identity.Trainer, identity.Plans, identity.Configuration)

    let written = import.Write(folder, Action<string>(printfn "%s"))
    printfn "plans and dataset.json are those of %s" source.Place
    printfn "wrote %s" written.Final

    printfn
        "predict with it: medseg predict -i IMAGES -o OUTPUT -m %s -f %s"
        written.Parent
        import.Identity.Fold

    Exit.done'
