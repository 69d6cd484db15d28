/// The curves as files for other programs: TensorBoard's events, training.json.
module MedSegDsl.Tests.Runtime.Training.CurveFilesTests

open System
open System.IO
open System.Numerics
open System.Text.Json
open Expecto
open Microsoft.Extensions.Logging
open Tensorboard
open MedSegDsl.Runtime.Logging
open MedSegDsl.Runtime.Training
open MedSegDsl.Runtime.Training.Progress
open MedSegDsl.Tests.Runtime

/// Curves of so many epochs; the core is nowhere in the first one, and the second part of the run waits longer.
let private curves count =
    let curves = Curves([])

    for i in 1..count do
        let dice = [ 0.1 * float i; (if i = 1 then nan else 0.05 * float i) ]

        curves.Add(0.01 / float i, 1.0 / float i, 0.5, dice, 10.0, EpochLoad(float i, 1L <<< 30, Nullable()))
        |> ignore

    curves

let private run (progress: ITrainingProgress) first last =
    progress.Started(SmallTraining.overview (first - 1) 6)

    for epoch in first..last do
        progress.EpochEnded(curves epoch, TimeSpan.Zero)

    progress.Ended()

let private eventFile folder =
    Directory.GetFiles(folder, "events.out.tfevents.*") |> Array.exactlyOne

/// CRC-32C bit by bit, masked as TensorFlow masks it.
let private checksum (bytes: byte[]) =
    let mutable crc = UInt32.MaxValue

    for value in bytes do
        crc <- crc ^^^ uint32 value

        for _ in 1..8 do
            crc <- (crc >>> 1) ^^^ (if crc &&& 1u = 1u then 0x82F63B78u else 0u)

    BitOperations.RotateRight(~~~crc, 15) + 0xa282ead8u

/// Every event of a file, whose checksums must be right.
let private events (file: string) = [
    use reader = new BinaryReader(File.OpenRead file)

    while reader.BaseStream.Position < reader.BaseStream.Length do
        let length = reader.ReadBytes 8
        Expect.equal (reader.ReadUInt32()) (checksum length) "the length's checksum"
        let data = reader.ReadBytes(int (BitConverter.ToInt64(length, 0)))
        Expect.equal (reader.ReadUInt32()) (checksum data) "the data's checksum"
        Event.Parser.ParseFrom data
]

let private steps file = [ for event in List.tail (events file) -> event.Step ]

let private values (event: Event) =
    Map [ for value in event.Summary.Value -> value.Tag, value.SimpleValue ]

let private tensorBoard = [
    test "an event for each epoch, with the curves by TensorBoard's names" {
        TemporaryFolder.using' (fun folder ->
            run (TensorBoardFile folder) 1 3
            let file = eventFile folder
            let header = File.ReadAllBytes(file)[..11]
            // As in any file that TensorFlow writes: 24 bytes, and their checksum.
            Expect.equal
                header
                [| 24uy; 0uy; 0uy; 0uy; 0uy; 0uy; 0uy; 0uy; 0xa3uy; 0x7fuy; 0x4buy; 0x22uy |]
                "the first record"

            let all = events file
            Expect.equal all.Head.FileVersion "brain.Event:2" "the version"
            Expect.equal (steps file) [ 1L; 2L; 3L ] "steps"
            let now = float (DateTimeOffset.UtcNow.ToUnixTimeSeconds())
            Expect.floatClose { absolute = 60.0; relative = 0.0 } all[1].WallTime now "seconds since 1970"
            let first, second = values all[1], values all[2]
            Expect.equal second["loss/training"] 0.5f "training loss"
            Expect.equal second["loss/validation"] 0.5f "validation loss"
            Expect.equal second["pseudo_dice_by_class/core"] 0.1f "a class"
            Expect.floatClose Accuracy.medium (float second["pseudo_dice/mean"]) 0.15 "mean"
            Expect.equal second["learning_rate"] 0.005f "learning rate"
            Expect.equal second["epoch/seconds"] 10f "time"
            Expect.equal second["epoch/data_waiting_share"] 0.2f "share of waiting"
            Expect.equal second["memory/host_GiB"] 1f "host memory"
            Expect.isFalse (second.ContainsKey "memory/device_GiB") "no GPU, no number"
            Expect.isFalse (first.ContainsKey "pseudo_dice_by_class/core") "NaN is no point of a curve")
    }

    test "a training that goes on repeats no epoch, and a torn event is cut off" {
        TemporaryFolder.using' (fun folder ->
            run (TensorBoardFile folder) 1 5
            let file = eventFile folder
            let before = List.item 3 (events file)
            File.AppendAllText(file, "torn")
            run (TensorBoardFile folder) 4 6
            Expect.equal (eventFile folder) file "the same file"
            Expect.equal (steps file) [ 1L .. 6L ] "each epoch once"
            Expect.equal (List.item 3 (events file)) before "those before the checkpoint stay as they were")
    }

    test "epochs that are in the checkpoint but not in the file are added" {
        TemporaryFolder.using' (fun folder ->
            run (TensorBoardFile folder) 3 4
            Expect.equal (steps (eventFile folder)) [ 1L .. 4L ] "all of them")
    }

    test "a new training does not keep the curves of an earlier one" {
        TemporaryFolder.using' (fun folder ->
            run (TensorBoardFile folder) 1 5
            run (TensorBoardFile folder) 1 2
            Expect.equal (steps (eventFile folder)) [ 1L; 2L ] "its own")
    }
]

/// A logger of a host program.
type private Kept() =
    member val Lines = ResizeArray<LogLevel * string>()

    interface ILogger with
        member _.BeginScope _ = null
        member _.IsEnabled _ = true

        member this.Log(level, _, state, error, text) =
            this.Lines.Add(level, text.Invoke(state, error))

let tests =
    testList "training/curve files" [
        yield! tensorBoard

        test "training.json has every epoch, and null for what is not a number" {
            TemporaryFolder.using' (fun folder ->
                let path = Path.Combine(folder, "training.json")
                run (TrainingJson path) 1 2
                run (TrainingJson path) 3 3
                use json = JsonDocument.Parse(File.ReadAllText path)

                let at (names: string list) (epoch: JsonElement) =
                    List.fold (fun (node: JsonElement) (name: string) -> node.GetProperty name) epoch names

                let number names epoch = (at names epoch).GetDouble()

                let isNull names epoch =
                    (at names epoch).ValueKind = JsonValueKind.Null

                let epochs = List.ofSeq (json.RootElement.GetProperty("epochs").EnumerateArray())
                Expect.equal (List.map (number [ "epoch" ]) epochs) [ 1.0; 2.0; 3.0 ] "epochs"
                Expect.isTrue (isNull [ "pseudo_dice"; "core" ] epochs[0]) "a class that was nowhere"
                Expect.equal (number [ "training_loss" ] epochs[1]) 0.5 "training loss"
                Expect.equal (number [ "data_waiting_seconds" ] epochs[1]) 2.0 "waiting"
                Expect.equal (number [ "host_bytes" ] epochs[1]) (float (1L <<< 30)) "host memory"
                Expect.isTrue (isNull [ "device_bytes" ] epochs[1]) "no GPU"
                Expect.floatClose Accuracy.high (number [ "pseudo_dice"; "core" ] epochs[2]) 0.15 "core"
                Expect.equal (number [ "epochs_in_all" ] json.RootElement) 6.0 "of how many")
        }

        test "a host's logger gets the lines with their level" {
            let kept = Kept()
            let progress = LoggedProgress kept :> ITrainingProgress
            run progress 1 1
            progress.Warned "slow"
            Expect.equal kept.Lines.Count 5 "overview, classes, an epoch, a warning"
            Expect.equal kept.Lines[4] (LogLevel.Warning, "slow") "the warning"
            Expect.equal (fst kept.Lines[3]) LogLevel.Information "an epoch"
            Expect.stringContains (snd kept.Lines[3]) "epoch 1/6" "an epoch"
        }

        test "lines below information are left out" {
            use output = new StringWriter()
            let logger = LineLogger.To output
            logger.LogDebug "hidden"
            logger.LogError "broken"
            Expect.equal (output.ToString()) ("error: broken" + Environment.NewLine) "one line"
        }
    ]
