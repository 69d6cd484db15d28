/// `medseg train 901 3d_fullres 0 --network UlikeMamba_3d`: one training.
module MedSegDsl.Experiments.CommandLine.Commands.TrainCommand

open Argu
open MedSegDsl
open MedSegDsl.Kernels
open MedSegDsl.Runtime.Dataset
open MedSegDsl.Runtime.Distributed
open MedSegDsl.Runtime.Training
open MedSegDsl.Experiments.Console
open MedSegDsl.Experiments.Workflow
open MedSegDsl.Experiments.CommandLine
open MedSegDsl.Experiments.CommandLine.Arguments

/// The network, and what its trainer sets: that of `-tr`, else the one that the network was published with.
let private trained (args: ParseResults<TrainArgs>) =
    let named = args.TryGetResult TrainArgs.Network |> Option.map Parse.network

    match args.TryGetResult TrainArgs.Trainer with
    | Some name ->
        let own, asInTrainer = Parse.trained name
        Option.defaultValue own named, asInTrainer
    | None -> Option.defaultValue UlikeMamba.multiTri named, asPublished

/// Mixed precision is for GPUs: on the CPU nnU-Net computes in float32 whatever its trainer says.
let private onDevice device experiment =
    NativeLibtorch.Load() |> ignore
    let place = TrainingDevice.Resolve(Option.defaultValue Device.Automatic device)

    if place.``type`` = TorchSharp.DeviceType.CPU then
        experiment |> withPrecision Precision.Float32
    else
        experiment

/// The experiment that the words describe, for a dataset: the network's trainer, with what is set on the command line.
/// Every word is read before the dataset is looked for.
let private experiment (args: ParseResults<TrainArgs>) =
    let _, configuration, _ = args.GetResult Target
    let configuration = Parse.configuration configuration
    let patch = args.TryGetResult Patch |> Option.map Parse.patch
    let device = args.TryGetResult TrainArgs.Device |> Option.map Parse.device
    let precision = args.TryGetResult TrainArgs.Precision |> Option.map Parse.precision
    let network, asInItsTrainer = trained args

    fun dataset ->
        Experiment.create dataset network
        |> asInItsTrainer
        |> withConfiguration configuration
        |> Parse.applied (args.TryGetResult TrainArgs.Plans) withPlans
        |> Parse.applied (args.TryGetResult Epochs) (LanguagePrimitives.Int32WithMeasure >> withEpochs)
        |> Parse.applied (args.TryGetResult Iterations) (fun count experiment -> {
            experiment with
                Experiment.IterationsPerEpoch = count
        })
        |> Parse.applied (args.TryGetResult Batch) withBatch
        |> Parse.applied patch withPatch
        |> Parse.applied device withDevice
        |> match precision with
           | Some precision -> withPrecision precision
           | None -> onDevice device

let private train (args: ParseResults<TrainArgs>) =
    let dataset, _, fold = args.GetResult Target

    let fold, device, experiment =
        Ranks.reading (fun () ->
            Parse.fold fold, args.TryGetResult TrainArgs.Device |> Option.map Parse.device, experiment args)

    Training.among (Option.defaultValue Device.Automatic device) (fun ranks ->
        let folders = NnUNetFolders.FromEnvironment()

        let experiment =
            ranks.Together(fun () -> experiment (Training.datasetOf (folders.DatasetName dataset)))

        let outcome =
            Training.run
                ranks
                folders
                experiment
                fold
                (args.GetResult(Seed, 1))
                (args.Contains TrainArgs.Continue)
                (args.TryGetResult Pretrained_Weights)
                (args.Contains TrainArgs.Save_Probabilities)

        if ranks.Rank = 0 then
            Evaluation.show outcome.Validation
            printfn "results are in %s" outcome.Folder.Path)

    Exit.done'

let run (args: ParseResults<TrainArgs>) =
    Ranks.onGpus (args.TryGetResult Gpus) (fun () -> train args)
