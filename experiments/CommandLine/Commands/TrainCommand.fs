/// `medseg train 901 3d_fullres 0 --network UlikeMamba_3d`: one training.
module MedSegDsl.Experiments.CommandLine.Commands.TrainCommand

open Argu
open MedSegDsl
open MedSegDsl.Runtime.Dataset
open MedSegDsl.Experiments.Console
open MedSegDsl.Experiments.Workflow
open MedSegDsl.Experiments.CommandLine
open MedSegDsl.Experiments.CommandLine.Arguments

/// The experiment that the words describe: the paper's trainer, with what is set on the command line.
let private experiment (folders: NnUNetFolders) (args: ParseResults<TrainArgs>) =
    let name, configuration, _ = args.GetResult Target
    let dataset = Training.datasetOf (folders.DatasetName name)

    let network =
        Parse.network (args.GetResult(TrainArgs.Network, UlikeMamba.multiTri.Name))

    Experiment.create dataset network
    |> asInUlikeMambaTrainer
    |> withConfiguration (Parse.configuration configuration)
    |> Parse.applied (args.TryGetResult TrainArgs.Plans) withPlans
    |> Parse.applied (args.TryGetResult Epochs) (LanguagePrimitives.Int32WithMeasure >> withEpochs)
    |> Parse.applied (args.TryGetResult Iterations) (fun count experiment -> {
        experiment with
            Experiment.IterationsPerEpoch = count
    })
    |> Parse.applied (args.TryGetResult Batch) withBatch
    |> Parse.applied (args.TryGetResult Patch) (Parse.patch >> withPatch)
    |> Parse.applied (args.TryGetResult TrainArgs.Device) (Parse.device >> withDevice)

let run (args: ParseResults<TrainArgs>) =
    let folders = NnUNetFolders.FromEnvironment()
    let _, _, fold = args.GetResult Target

    let outcome =
        Training.run
            folders
            (experiment folders args)
            (Parse.fold fold)
            (args.GetResult(Seed, 1))
            (args.Contains TrainArgs.Continue)

    Evaluation.show outcome.Validation
    printfn "results are in %s" outcome.Folder.Path
    Exit.done'
