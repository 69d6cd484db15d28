/// `medseg measure UlikeMamba_3d --input 1x64x64x64`: latency and memory of a network on this machine.
module MedSegDsl.Experiments.CommandLine.Commands.MeasureCommand

open System
open System.IO
open Argu
open MedSegDsl.Kernels
open MedSegDsl.Runtime
open MedSegDsl.Runtime.Comparison
open MedSegDsl.Runtime.Measurement
open MedSegDsl.Experiments.Console
open MedSegDsl.Experiments.Workflow
open MedSegDsl.Experiments.CommandLine
open MedSegDsl.Experiments.CommandLine.Arguments

let private line name (figures: StepFigures | null) =
    match figures with
    | Null -> printfn "%s: did not run; more memory than there is?" name
    | NonNull figures ->
        let memory =
            match Option.ofNullable figures.PeakBytes with
            | Some bytes -> $", %.2f{float bytes / float (1L <<< 30)} GiB at most"
            | None -> ""

        printfn "%s: %.1f ms%s" name figures.Milliseconds memory

/// The network of a trained model's folder or of the catalogue, its input and its classes.
let private measured (args: ParseResults<MeasureArgs>) =
    let name = args.GetResult MeasureArgs.Network

    let network, input, classes =
        if not (Directory.Exists name) then
            Parse.network name, Parse.input "1x128x128x128", 16
        else
            match TrainedDefinition.Of name with
            | NonNull trained -> trained.Network, (trained.Channels, trained.Patch), trained.Classes
            | Null ->
                raise (UserException $"{name}: holds no experiment.json, so its network is not known here")

    let input =
        args.TryGetResult MeasureArgs.Input
        |> Option.map Parse.input
        |> Option.defaultValue input

    network, input, args.GetResult(MeasureArgs.Classes, classes)

let run (args: ParseResults<MeasureArgs>) =
    let network, (channels, patch), classes = measured args
    let device = Parse.device (args.GetResult(MeasureArgs.Device, "auto"))
    let library = NativeLibtorch.Load()

    let report =
        if args.Contains MeasureArgs.Json then
            Action<NetworkFigures>(Measuring.toJson >> printfn "%s")
        else
            Action<NetworkFigures>(ignore)

    let figures =
        NetworkMeasurement.Run(network, channels, classes, patch, device, report)

    if not (args.Contains MeasureArgs.Json) then
        printfn "%s" library.Description
        printfn "%s on %s, %d x %O, %d classes, float32" network.Name figures.Device channels patch classes
        line "prediction" figures.Forward
        line "forward and backward pass" figures.Training

    Exit.done'
