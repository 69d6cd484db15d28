/// Batches that a training cannot use: losses that are not numbers, more memory than there is, and a loader that is too slow.
module MedSegDsl.Tests.Runtime.Training.BadBatchTests

open System
open System.IO
open Expecto
open MedSegDsl
open MedSegDsl.Runtime
open MedSegDsl.Runtime.Training
open MedSegDsl.Runtime.Training.Checkpoints
open MedSegDsl.Runtime.Training.Loading
open MedSegDsl.Tests.Runtime

let private trainingCases () = SmallTraining.cases "training" 0 3

let private epochs count =
    SmallTraining.experiment |> withEpochs count

/// Runs a training of these cases, whose network goes with it.
let private run listener experiment folder cases =
    let setup = SmallTraining.setup experiment 1 folder cases
    use _ = setup.Network
    use trainer = new Trainer(setup, listener)
    trainer.Run()
    trainer.Curves

let private spoil (cases: SmallTraining.BallCase[]) =
    for case in cases do
        case.Factor <- nanf

let private stopsAtNaN folder =
    let broken = trainingCases ()
    spoil broken

    TemporaryFolder.expectsLine
        [ "epoch 1"; "training batch 1"; "cases training"; "NaN"; "no checkpoint yet" ]
        (fun () -> run (Listener()) (epochs 2<epoch>) folder broken |> ignore)

    Expect.isEmpty (Directory.GetFiles folder) "no checkpoint of broken weights"

let private namesTheLastCheckpoint folder =
    let cases = trainingCases ()

    let breaks (curves: Curves) =
        if curves.Epochs.Count = 2 then
            spoil cases

    TemporaryFolder.expectsLine
        [ "NaN"; "last good checkpoint"; (FoldFolder folder).Latest; "--continue" ]
        (fun () -> run (Listener(OnEpoch = breaks)) (epochs 8<epoch>) folder cases |> ignore)

    use latest = Checkpoint.Read (FoldFolder folder).Latest
    Expect.isGreaterThanOrEqual latest.State.Curves.Epochs.Count 2 "from after the good epochs"

    for entry in latest.Network do
        Expect.isTrue
            (entry.Value.data<float32>().ToArray() |> Array.forall Single.IsFinite)
            $"{entry.Key} is good"

let private halfPrecision = withPrecision Precision.Float16

/// The loader is ahead of the training: cases that are whole again after the first warning spoil a few batches more.
let private leavesStepsOut folder =
    let cases = trainingCases ()
    spoil cases
    let warnings = ResizeArray()

    let repair warning =
        warnings.Add warning

        for case in cases do
            case.Factor <- 1f

    let experiment = epochs 2<epoch> |> withIterations 12 1 |> halfPrecision
    let curves = run (Listener(OnWarning = repair)) experiment folder cases
    Expect.stringContains warnings[0] "training batch 1, cases training" "the batch and its cases"
    Expect.stringContains warnings[0] "the step is left out, the loss scale is now 32768" "and what was done"
    Expect.isLessThan warnings.Count 12 "later batches are good"

    for epoch in curves.Epochs do
        Expect.isTrue (Double.IsFinite epoch.TrainingLoss) "the mean of the good batches"

    use final = Checkpoint.Read (FoldFolder folder).Final
    Expect.equal final.State.OptimizerSteps (int64 (24 - warnings.Count)) "steps of the good batches alone"

let private givesUp folder =
    let broken = trainingCases ()
    spoil broken
    let warnings = ResizeArray()

    TemporaryFolder.expectsLine [ "epoch 1"; "NaN"; "no checkpoint yet" ] (fun () ->
        run
            (Listener(OnWarning = warnings.Add))
            (epochs 1<epoch> |> withIterations 40 1 |> halfPrecision)
            folder
            broken
        |> ignore)

    Expect.equal warnings.Count 16 "2^16 halved down to 1"

let private saysWhatFits folder =
    let training = trainingCases ()

    for ball in training do
        ball.Failure <- Some(OutOfMemoryException "CUDA out of memory. Tried to allocate 20.00 GiB.")

    TemporaryFolder.expectsLine [ "2 patches of 8×16×16"; "a batch of 1 should fit"; "--batch 1" ] (fun () ->
        run (Listener()) (epochs 1<epoch>) folder training |> ignore)

let private warnsOfLoader folder =
    let slow = trainingCases ()

    for case in slow do
        case.Delay <- 150

    let warnings = ResizeArray()

    run (Listener(OnWarning = warnings.Add)) (epochs 4<epoch>) folder slow |> ignore

    Expect.equal warnings.Count 1 "once"

    for word in
        [
            "the loader is the bottleneck"
            "epoch 2"
            "1 loader threads"
            LoaderThreads.Variable
        ] do
        Expect.stringContains warnings[0] word "what, when, and what to do"

let private advises () =
    let epoch share =
        EpochResult(1, 0.1, 1.0, 1.0, [], nan, nan, 10.0, Load = EpochLoad(10.0 * share, 1L, Nullable()))

    let meter = EpochMeter(TorchSharp.torch.CPU, 1)

    let next share =
        meter.EndEpoch TimeSpan.Zero |> ignore
        meter.Advice(epoch share)

    Expect.isNull (next 0.9) "in a run's first epoch the queue fills"
    Expect.isNull (next 0.19) "a little waiting is nothing"
    Expect.stringContains (nonNull (next 0.2)) "20 % of epoch 2" "much is"
    Expect.isNull (next 0.9) "once is enough"

let tests =
    testSequenced
    <| testList "training/bad batches" [
        for name, run in
            [
                "a loss that is not a number stops the training and names the cases", stopsAtNaN
                "and names the last good checkpoint", namesTheLastCheckpoint
                "in float16 the step is left out, and the training goes on", leavesStepsOut
                "but not for ever", givesUp
                "where memory runs out a line says which batch would fit", saysWhatFits
                "a slow loader is warned of once, with what to do", warnsOfLoader
                "from the second epoch of a run, and from a fifth of its time", (fun _ -> advises ())
            ] do
            test name { TemporaryFolder.using' run }
    ]
