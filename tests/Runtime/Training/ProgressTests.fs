/// What a training tells: lines, a display, a picture.
module MedSegDsl.Tests.Runtime.Training.ProgressTests

open System
open System.IO
open Expecto
open Spectre.Console
open MedSegDsl.Runtime.Logging
open MedSegDsl.Runtime.Training
open MedSegDsl.Runtime.Training.Loading
open MedSegDsl.Runtime.Training.Progress
open MedSegDsl.Tests.Runtime

let private curves count =
    let curves = Curves([])

    for i in 1..count do
        let x = float i / float count

        curves.Add(
            0.01 * (1.0 - x),
            1.0 - 1.5 * x,
            0.9 - x,
            [ 0.9 * x; (if i = 1 then nan else 0.5 * x) ],
            12.5 + x,
            EpochLoad(2.5 + x / 5.0, 3L <<< 29, Nullable(5L <<< 30))
        )
        |> ignore

    curves

/// What a listener is told in two epochs.
let private tell (progress: ITrainingProgress) =
    progress.Started(SmallTraining.overview 0 4)

    for epoch in 0..1 do
        let key = BatchKey(BatchPurpose.Training, epoch, 2)
        progress.Stepped(TrainingStep(key, 5, 0.25, TimeSpan.FromSeconds 200.0))
        progress.EpochEnded(curves (epoch + 1), TimeSpan.FromMinutes 3.0)

    progress.Noted "wrote checkpoint_best"
    progress.Warned "the loader is slow"
    progress.Ended()
    progress.Noted "mean foreground Dice"

let private containsAll (words: string list) (text: string) =
    for word in words do
        Expect.stringContains text word "it is said"

let tests =
    testList "training/progress" [
        test "plain lines" {
            use output = new StringWriter()
            tell (LoggedProgress(LineLogger.To output))
            let lines = output.ToString().Split('\n', StringSplitOptions.RemoveEmptyEntries)

            Expect.equal lines.Length 8 "two lines of overview, the classes, two epochs, two notes, a warning"

            lines[0]
            |> containsAll [ "Dataset999_Balls"; "small"; "12,345 parameters"; "8×16×16" ]

            lines[3]
            |> containsAll [
                "epoch 1/4"
                "training loss -0.5000"
                "0.9000 -"
                "20 % waiting for data, 1.5 GiB of memory, 5.0 GiB on the GPU"
                "3 min 00 s left"
            ]

            Expect.equal lines[6] "warning: the loader is slow" "a warning says that it is one"
        }

        test "the display on a terminal" {
            use output = new StringWriter()

            let settings =
                AnsiConsoleSettings(
                    Out = AnsiConsoleOutput output,
                    Interactive = InteractionSupport.Yes,
                    Ansi = AnsiSupport.Yes
                )

            let console = AnsiConsole.Create settings
            console.Profile.Width <- 120
            tell (LiveProgress console)

            output.ToString()
            |> containsAll [
                "Dataset999_Balls"
                "training 3/5"
                "3 min 20 s left"
                "pseudo Dice"
                "core"
                "wrote checkpoint_best"
                "the loader is slow"
                "waiting for data"
                "mean foreground Dice"
            ]
        }

        test "the log has a line for each thing said, and is continued" {
            TemporaryFolder.using' (fun folder ->
                let path = Path.Combine(folder, "training_log.txt")
                let log () = LoggedProgress(LineLogger.ToFile path)
                tell (log ())
                tell (log ())
                let lines = File.ReadAllLines path

                Expect.equal
                    lines.Length
                    16
                    "twice two lines of overview, the classes, two epochs, two notes, a warning"

                Expect.equal (lines |> Array.filter (fun l -> l.Contains "epoch 2/4")).Length 2 "epoch 2")
        }

        test "the picture is a PNG of the curves so far" {
            TemporaryFolder.using' (fun folder ->
                let path = Path.Combine(folder, "progress.png")
                let picture = ProgressPicture path :> ITrainingProgress
                tell picture
                let bytes = File.ReadAllBytes path
                Expect.equal bytes[..3] [| 0x89uy; byte 'P'; byte 'N'; byte 'G' |] "signature"
                use image = SkiaSharp.SKBitmap.Decode path
                let royalBlue = SkiaSharp.SKColor.Parse "#4169E1"
                Expect.isTrue (Array.contains royalBlue image.Pixels) "the training loss in royal blue")
        }

        test "a picture of many epochs without any foreground" {
            TemporaryFolder.using' (fun folder ->
                let many = Curves([])

                for _ in 1..60 do
                    many.Add(0.01, 1.0, 1.0, [ nan ], 1.0) |> ignore

                let path = Path.Combine(folder, "progress.png")
                ProgressPicture.Draw(many, path)
                Expect.isTrue (File.Exists path) "it is drawn")
        }
    ]
