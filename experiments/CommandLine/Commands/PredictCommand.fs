/// `medseg predict -i IMAGES -o FOLDER -d 901`: segmentations by a trained model.
module MedSegDsl.Experiments.CommandLine.Commands.PredictCommand

open Argu
open MedSegDsl
open MedSegDsl.Runtime
open MedSegDsl.Runtime.Dataset
open MedSegDsl.Runtime.Inference
open MedSegDsl.Runtime.Training
open MedSegDsl.Experiments.Console
open MedSegDsl.Experiments.Workflow
open MedSegDsl.Experiments.CommandLine
open MedSegDsl.Experiments.CommandLine.Arguments

/// The folder of `-m`, or the one in nnUNet_results that dataset, network, plans and configuration name.
let private modelFolder (args: ParseResults<PredictArgs>) =
    ModelFolder.find {
        Folder = args.TryGetResult Model
        Dataset = args.TryGetResult PredictArgs.Dataset
        Network = args.TryGetResult PredictArgs.Network
        Plans = args.TryGetResult PredictArgs.Plans
        Configuration = args.TryGetResult PredictArgs.Configuration
    }

let run (args: ParseResults<PredictArgs>) =
    let choice =
        ModelChoice(
            modelFolder args,
            Folds = Array.ofList (args.GetResult(PredictArgs.Folds, [])),
            Checkpoint = args.GetResult(Checkpoint, "checkpoint_final")
        )

    let options =
        PredictionOptions(
            StepFraction = args.GetResult(Step_Size, 0.5),
            UseMirroring = not (args.Contains No_Mirroring),
            SaveProbabilities = args.Contains Save_Probabilities,
            Overwrite = not (args.Contains PredictArgs.Continue),
            PreviousStage = Option.toObj (args.TryGetResult Prev_Stage_Predictions),
            Parts = args.GetResult(Num_Parts, 1),
            Part = args.GetResult(Part_Id, 0)
        )

    let device = Parse.device (args.GetResult(PredictArgs.Device, "auto"))

    let result =
        Prediction.run
            choice
            device
            (args.GetResult PredictArgs.Input)
            (args.GetResult PredictArgs.Output)
            options

    printfn "%d segmentations written, %d skipped" result.Written.Count result.Skipped.Count

    for note in result.Notes do
        eprintfn "note: %s" note

    Exit.withFailures result.Failures
