/// Prediction with a trained model, with progress on the console.
[<RequireQualifiedAccess>]
module MedSegDsl.Experiments.Workflow.Prediction

open System
open MedSegDsl.Kernels
open MedSegDsl.Runtime.Inference
open MedSegDsl.Runtime.Training
open MedSegDsl.Experiments.Console

/// Segments a folder of images, or one image, on a device.
let run (choice: ModelChoice) device input output (options: PredictionOptions) =
    printfn "%s" (NativeLibtorch.Load().Description)
    use model = TrainedModel.Load(choice, TrainingDevice.Resolve device)

    CaseBar.run "predicting, %" (fun report ->
        let tell (progress: PredictionProgress) =
            // Cases have as many tiles as their size asks for: the whole goes by shares.
            report
                (int (100.0 * progress.Share))
                100
                $"{progress.Case} (case {progress.Index + 1} of {progress.Cases})"

        FolderPrediction.Run(model, input, output, options, Action<PredictionProgress> tell))
