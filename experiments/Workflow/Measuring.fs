/// Latency and memory of networks on this machine. Each network is measured in a process of its own: memory is the
/// process's, and one that needs more than there is takes only itself along.
[<RequireQualifiedAccess>]
module MedSegDsl.Experiments.Workflow.Measuring

open System
open System.Diagnostics
open System.Text.Json
open MedSegDsl
open MedSegDsl.Runtime.Measurement

/// Figures as the measured process prints them.
let toJson (figures: NetworkFigures) = JsonSerializer.Serialize figures

let private pass (figures: StepFigures | null) =
    match figures with
    | Null -> None
    | NonNull figures ->
        Some {
            Milliseconds = figures.Milliseconds
            PeakBytes = Option.ofNullable figures.PeakBytes
        }

/// Starts this program anew with these words and gives the last line that it printed.
let private lastLine (words: string list) =
    let start =
        ProcessStartInfo(OwnProgram.words.Head, OwnProgram.words.Tail @ words, RedirectStandardOutput = true)

    use started = nonNull (Process.Start start)
    let output = started.StandardOutput.ReadToEnd()
    started.WaitForExit()
    output.Split('\n', StringSplitOptions.RemoveEmptyEntries) |> Array.tryLast

/// What `medseg measure` prints with these words; nothing where it did not run.
let private figures name device words =
    eprintfn "measuring %s" name

    match lastLine ("measure" :: words @ [ "--device"; device; "--json" ]) with
    | Some line when line.StartsWith '{' -> Option.ofObj (JsonSerializer.Deserialize<NetworkFigures> line)
    | _ -> None

/// The figures of the network in a trained model's folder, on a patch of its training.
let ofModel name device (folder: string) = figures name device [ folder ]

/// The device and the figures of a network of the catalogue; nothing where it did not run.
let inOwnProcess (patch: Size3, channels: int, classes: int) device (network: Network) =
    figures network.Name device [
        network.Name
        "--input"
        $"{channels}x{patch.D}x{patch.H}x{patch.W}"
        "--classes"
        string classes
    ]
    |> Option.map (fun figures ->
        figures.Device,
        {
            Forward = pass figures.Forward
            Training = pass figures.Training
        })
