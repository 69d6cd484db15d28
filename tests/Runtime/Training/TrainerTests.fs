/// The training loop: it learns, repeats itself, goes on where it was interrupted, and says what is wrong.
module MedSegDsl.Tests.Runtime.Training.TrainerTests

open System
open System.IO
open System.Threading
open Expecto
open TorchSharp
open MedSegDsl
open MedSegDsl.Runtime
open MedSegDsl.Runtime.Training
open MedSegDsl.Runtime.Training.Checkpoints
open MedSegDsl.Runtime.Training.Progress
open MedSegDsl.Tests.Runtime

/// Listens to steps and epochs.
type private Listener(onStep: TrainingStep -> unit, onEpoch: Curves -> unit) =
    interface ITrainingProgress with
        member _.Started _ = ()
        member _.Stepped step = onStep step
        member _.EpochEnded(curves, _) = onEpoch curves
        member _.Noted _ = ()
        member _.Ended() = ()

let private silent = SilentProgress() :> ITrainingProgress

let private trainingCases () = SmallTraining.cases "training" 0 3

/// Trains, and gives the weights and the curves.
let private train (setup: TrainingSetup) =
    use _ = setup.Network
    use trainer = new Trainer(setup, silent)
    trainer.Run()
    SmallTraining.weights setup.Network, trainer.Curves

let private withoutTimes (curves: Curves) = [
    for e in curves.Epochs ->
        e.LearningRate, e.TrainingLoss, e.ValidationLoss, List.ofSeq e.PseudoDice, e.AveragePseudoDice
]

let private epochs count =
    SmallTraining.experiment |> withEpochs count

/// The checkpoint's state in the trainer.
let private resume (trainer: Trainer) path =
    use checkpoint = Checkpoint.Read path
    trainer.Resume checkpoint

let private runUntilStopped setup stopAfter =
    let stop = new CancellationTokenSource()

    let interrupt (curves: Curves) =
        if curves.Epochs.Count = stopAfter then
            stop.Cancel()

    use trainer = new Trainer(setup, Listener(ignore, interrupt))
    Expect.throwsT<OperationCanceledException> (fun () -> trainer.Run stop.Token) "stopped"

let private learns folder =
    let experiment = epochs 8<epoch> |> withIterations 10 4
    let _, curves = train (SmallTraining.setup experiment 1 folder (trainingCases ()))
    let first, last = curves.Epochs[0], curves.Epochs[7]
    Expect.isLessThan last.TrainingLoss (first.TrainingLoss - 0.5) "training loss"
    Expect.isGreaterThan last.MeanPseudoDice 0.6 "pseudo Dice"
    Expect.equal last.PseudoDice.Count 2 "a pseudo Dice for each foreground class"

let private resumes folder =
    let setup name =
        SmallTraining.setup (epochs 4<epoch>) 1 (Path.Combine(folder, name)) (trainingCases ())

    let whole, wholeCurves = train (setup "whole")
    let first = setup "parts"
    runUntilStopped first 3
    first.Network.Dispose()
    Expect.equal (nonNull first.Folder.Resumable) first.Folder.Latest "the checkpoint after two epochs"

    let second = setup "parts"
    use network = second.Network
    use trainer = new Trainer(second, silent)
    resume trainer second.Folder.Latest
    Expect.equal trainer.Curves.Epochs.Count 2 "epochs of the checkpoint"
    trainer.Run()
    Expect.equal (withoutTimes trainer.Curves) (withoutTimes wholeCurves) "curves"
    Expect.equal (SmallTraining.weights network) whole "weights"

    let files =
        Directory.GetFiles second.Folder.Path
        |> Array.map Path.GetFileName
        |> Array.sort

    Expect.equal
        files
        [| "checkpoint_best.safetensors"; "checkpoint_final.safetensors" |]
        "checkpoint_latest is gone"

let private repeats folder =
    let run name seed =
        SmallTraining.setup (epochs 1<epoch>) seed (Path.Combine(folder, name)) (trainingCases ())
        |> train
        |> snd
        |> withoutTimes

    let first = run "a" 1
    Expect.equal (run "b" 1) first "the same seed"
    Expect.notEqual (run "c" 2) first "another seed"

let private staysFlat folder =
    let counts = ResizeArray()
    let experiment = epochs 6<epoch> |> withIterations 6 3
    let setup = SmallTraining.setup experiment 1 folder (trainingCases ())
    use _ = setup.Network

    use trainer =
        new Trainer(setup, Listener((fun _ -> counts.Add torch.Tensor.TotalCount), ignore))

    trainer.Run()
    // The loader's thread holds the tensors of the batches that it makes.
    let half = counts.Count / 2
    let early, late = Seq.max (Seq.take half counts), Seq.max (Seq.skip half counts)
    Expect.isLessThanOrEqual late (early + 6L) "live tensors in the later half"

let private stopsAtNaN folder =
    let broken = trainingCases ()

    for ball in broken do
        ball.Factor <- nanf

    let setup = SmallTraining.setup (epochs 2<epoch>) 1 folder broken
    use _ = setup.Network
    use trainer = new Trainer(setup, silent)

    TemporaryFolder.expectsLine [ "epoch 1"; "training batch 1"; "cases training"; "NaN" ] (fun () ->
        trainer.Run())

    Expect.isEmpty (Directory.GetFiles folder) "no checkpoint of broken weights"

let private refusesOtherNetwork folder =
    let setup = SmallTraining.setup (epochs 1<epoch>) 1 folder (trainingCases ())
    train setup |> ignore

    let other =
        epochs 1<epoch>
        |> withNetwork (
            SmallTraining.network
            |> mapUShape (fun shape -> { shape with UShape.Stem.Channels = 5 })
        )

    let setup = SmallTraining.setup other 1 folder (trainingCases ())
    use _ = setup.Network
    use trainer = new Trainer(setup, silent)

    TemporaryFolder.expectsLine [ setup.Folder.Final; "do not fit" ] (fun () ->
        resume trainer setup.Folder.Final)

/// Sequenced, because the number of live tensors is that of the whole process.
let tests =
    testSequenced
    <| testList "training/trainer" [
        for name, run in
            [
                "the loss falls and the classes are found", learns
                "an interrupted training ends with the same bits as one that was not", resumes
                "the same seed trains alike, another one otherwise", repeats
                "tensors do not pile up", staysFlat
                "a loss that is not a number stops the training and names the cases", stopsAtNaN
                "the checkpoint of another network is refused", refusesOtherNetwork
            ] do
            test name { TemporaryFolder.using' run }
    ]
