/// `medseg train 901 3d_fullres 0 --network UlikeMamba_3d`: one training.
module MedSegDsl.Experiments.CommandLine.Commands.TrainCommand

open Argu
open MedSegDsl
open MedSegDsl.Runtime.Dataset
open MedSegDsl.Experiments.Console
open MedSegDsl.Experiments.Workflow
open MedSegDsl.Experiments.CommandLine
open MedSegDsl.Experiments.CommandLine.Arguments

/// The experiment that the words describe, for a dataset: the paper's trainer, with what is set on the command line.
/// Every word is read before the dataset is looked for.
let private experiment (args: ParseResults<TrainArgs>) =
    let _, configuration, _ = args.GetResult Target
    let configuration = Parse.configuration configuration
    let patch = args.TryGetResult Patch |> Option.map Parse.patch
    let device = args.TryGetResult TrainArgs.Device |> Option.map Parse.device

    let network =
        Parse.network (args.GetResult(TrainArgs.Network, UlikeMamba.multiTri.Name))

    fun dataset ->
        Experiment.create dataset network
        |> asInUlikeMambaTrainer
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

let run (args: ParseResults<TrainArgs>) =
    let dataset, _, fold = args.GetResult Target
    let fold = Parse.fold fold
    let experiment = experiment args
    let folders = NnUNetFolders.FromEnvironment()

    let outcome =
        Training.run
            folders
            (experiment (Training.datasetOf (folders.DatasetName dataset)))
            fold
            (args.GetResult(Seed, 1))
            (args.Contains TrainArgs.Continue)

    Evaluation.show outcome.Validation
    printfn "results are in %s" outcome.Folder.Path
    Exit.done'
