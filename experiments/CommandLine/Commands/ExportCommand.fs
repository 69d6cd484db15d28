/// `medseg export weights.pth -d 901 -n UlikeMamba_3d`: a trained model's weights for PyTorch or nnU-Net.
module MedSegDsl.Experiments.CommandLine.Commands.ExportCommand

open System.IO
open Argu
open MedSegDsl.Kernels
open MedSegDsl.Models
open MedSegDsl.Runtime
open MedSegDsl.Runtime.Weights
open MedSegDsl.Experiments.Console
open MedSegDsl.Experiments.CommandLine
open MedSegDsl.Experiments.CommandLine.Arguments

/// The file of `-i`, or the checkpoint of a trained model.
let private input (args: ParseResults<ExportArgs>) =
    match args.TryGetResult ExportArgs.Input with
    | Some file -> file
    | None ->
        let folder =
            ModelFolder.find {
                Folder = args.TryGetResult ExportArgs.Model
                Dataset = args.TryGetResult ExportArgs.Dataset
                Network = args.TryGetResult ExportArgs.Network
                Plans = args.TryGetResult ExportArgs.Plans
                Configuration = args.TryGetResult ExportArgs.Configuration
            }

        let fold = args.GetResult(ExportArgs.Fold, "0")
        let name = args.GetResult(ExportArgs.Checkpoint, "checkpoint_final")
        Path.Combine(folder, $"fold_{fold}", $"{Path.GetFileNameWithoutExtension name}.safetensors")

let run (args: ParseResults<ExportArgs>) =
    NativeLibtorch.Load() |> ignore
    let target = args.GetResult ExportArgs.Target
    let source = input args

    try
        use weights = WeightsFile.Read source

        let checkpoint =
            args.TryGetResult ExportArgs.As_NnUNet
            |> Option.map (fun trainer -> ModelExport.Describe(source, trainer))

        ModelExport.Write(weights, target, Option.toObj checkpoint)
        printfn "wrote %d tensors to %s" weights.Tensors.Count target
        Exit.done'
    with :? ModelException as wrong ->
        raise (UserException(wrong.Message, wrong))
