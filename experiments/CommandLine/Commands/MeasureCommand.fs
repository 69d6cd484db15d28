/// `medseg measure UlikeMamba_3d --input 1x64x64x64`: latency and memory of a network on this machine.
module MedSegDsl.Experiments.CommandLine.Commands.MeasureCommand

open System
open Argu
open MedSegDsl.Kernels
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

let run (args: ParseResults<MeasureArgs>) =
    let network = Parse.network (args.GetResult MeasureArgs.Network)

    let channels, patch =
        Parse.input (args.GetResult(MeasureArgs.Input, "1x128x128x128"))

    let classes = args.GetResult(MeasureArgs.Classes, 16)
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
