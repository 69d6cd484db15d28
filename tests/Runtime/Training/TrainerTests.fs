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

    use trainer = new Trainer(setup, Listener(OnEpoch = interrupt))
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
    Expect.equal (Seq.head first.Folder.Resumables) first.Folder.Latest "the checkpoint after two epochs"

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

/// Resident memory without what the garbage collector holds, in MiB.
let private nativeMemory () =
    GC.Collect()
    GC.WaitForPendingFinalizers()
    let managed = GC.GetGCMemoryInfo().TotalCommittedBytes
    float (Environment.WorkingSet - managed) / 1048576.0

/// 1,000 steps with every kind of change of the augmentation.
let private staysFlat folder =
    let counts, memory = ResizeArray(), ResizeArray()

    let plain =
        SmallTraining.network
        |> mapEncoder (fun _ stage -> {
            stage with
                Mixer = Mixer.PlainConvolution 3
        })

    let experiment =
        epochs 5<epoch>
        |> withNetwork plain
        |> withIterations 200 4
        |> withAugmentation Augmentation.nnUNet

    let setup = SmallTraining.setup experiment 1 folder (trainingCases ())
    use _ = setup.Network

    let listener =
        Listener(
            OnStep = (fun _ -> counts.Add torch.Tensor.TotalCount),
            OnEpoch = (fun _ -> memory.Add(nativeMemory ()))
        )

    use trainer = new Trainer(setup, listener)
    trainer.Run()
    // The loader's thread holds the tensors of the batches that it makes.
    let half = counts.Count / 2
    let early, late = Seq.max (Seq.take half counts), Seq.max (Seq.skip half counts)
    Expect.isLessThanOrEqual late (early + 6L) "live tensors in the later half"
    // A patch of a batch that stays in each step would be 16 KiB · 600 = 9.4 MiB.
    Expect.isLessThan
        (memory[4] - memory[1])
        8.0
        $"MiB of native memory, more in the last 600 steps: {List.ofSeq memory}"

/// What a training ended with, to the bit.
let private ending (setup: TrainingSetup) =
    use network = setup.Network
    use trainer = new Trainer(setup, silent)
    trainer.Begin true
    trainer.Run()
    withoutTimes trainer.Curves, SmallTraining.weights network

let private training folder name =
    let experiment = epochs 4<epoch> |> withAugmentation Augmentation.nnUNet
    SmallTraining.setupSaving 1 experiment 1 (Path.Combine(folder, name)) (trainingCases ())

let private damage (file: string) at =
    let bytes = File.ReadAllBytes file
    let place = int (float (bytes.Length - 1) * at)
    bytes[place] <- bytes[place] ^^^ 16uy
    File.WriteAllBytes(file, bytes)

let private goesBackFromDamage folder =
    let whole = ending (training folder "whole")
    let first = training folder "parts"
    runUntilStopped first 3
    first.Network.Dispose()
    Expect.isTrue (File.Exists first.Folder.Previous) "the last two are kept"

    for file in [ first.Folder.Latest; first.Folder.Previous ] do
        use kept = Checkpoint.Read file
        Expect.equal kept.State.Curves.Epochs.Count (if file = first.Folder.Latest then 3 else 2) file

    damage first.Folder.Latest 0.9
    let notes = ResizeArray()
    let second = training folder "parts"

    use network = second.Network
    use trainer = new Trainer(second, Listener(OnNote = notes.Add))
    trainer.Begin true
    Expect.equal trainer.Curves.Epochs.Count 2 "the checkpoint before it"
    Expect.stringContains notes[0] "damaged" "says so"
    Expect.stringContains notes[0] "checkpoint_latest" "and which"
    Expect.stringContains notes[1] "checkpoint_previous" "and what it goes on from"
    trainer.Run()
    Expect.equal (withoutTimes trainer.Curves, SmallTraining.weights network) whole "the same end"

let private noticesDamage folder =
    let setup = training folder "one"
    use _ = setup.Network
    use trainer = new Trainer(setup, silent)
    trainer.Begin false
    trainer.Run()
    File.Delete setup.Folder.Best
    let file = setup.Folder.Final
    let good = File.ReadAllBytes file

    for at in [ 0.0; 0.01; 0.2; 0.5; 0.75; 1.0 ] do
        damage file at

        Expect.throwsT<UserException> (fun () -> (Checkpoint.Read file).Dispose()) $"a bit at {at}"

        File.WriteAllBytes(file, good)

    File.WriteAllBytes(file, good[.. good.Length / 2])

    TemporaryFolder.expectsLine
        [ "none of the checkpoints"; "checkpoint_final"; "without --continue" ]
        (fun () -> trainer.Begin true)

/// Asks a training to stop when a step satisfies a condition.
let private interruptWhen (condition: TrainingStep -> bool) (setup: TrainingSetup) =
    use asked = new CancellationTokenSource()

    let onStep step =
        if condition step then
            asked.Cancel()

    use network = setup.Network
    use trainer = new Trainer(setup, Listener(OnStep = onStep))
    trainer.Begin true

    Expect.throwsT<TrainingInterruptedException>
        (fun () -> trainer.Run(CancellationToken.None, asked.Token))
        "stopped"

let private savesWhenAsked folder =
    let whole = ending (training folder "whole")

    let isStep purpose epoch iteration (step: TrainingStep) =
        step.Batch = MedSegDsl.Runtime.Training.Loading.BatchKey(purpose, epoch, iteration)

    let latest () =
        use checkpoint = Checkpoint.Read (training folder "parts").Folder.Latest
        checkpoint.State.Curves.Epochs.Count, checkpoint.State.Unfinished.Batches

    let purpose = MedSegDsl.Runtime.Training.Loading.BatchPurpose.Training
    training folder "parts" |> interruptWhen (isStep purpose 1 1)
    Expect.equal (latest ()) (1, 2) "in the second epoch, after two batches"
    let purpose = MedSegDsl.Runtime.Training.Loading.BatchPurpose.Validation
    training folder "parts" |> interruptWhen (isStep purpose 2 0)
    Expect.equal (latest ()) (2, 3) "in the third epoch, during validation"
    Expect.equal (ending (training folder "parts")) whole "the same end"

let private accumulates folder =
    let steps batchesPerStep =
        let experiment =
            epochs 2<epoch> |> withIterations 6 1 |> withBatchesPerStep batchesPerStep

        let setup =
            SmallTraining.setup experiment 1 (Path.Combine(folder, string batchesPerStep)) (trainingCases ())

        train setup |> ignore
        use checkpoint = Checkpoint.Read setup.Folder.Final
        checkpoint.State.OptimizerSteps

    Expect.equal [ steps 1; steps 2; steps 3 ] [ 12L; 6L; 4L ] "steps of the optimizer"

/// With a learning rate that changes nothing the moving average soon has no better value for two epochs.
let private stopsEarly folder =
    let experiment =
        epochs 40<epoch>
        |> withIterations 1 1
        |> withOptimizer (Optimizer.SgdNesterov(1e-30, 0.0, 0.0))
        |> withEarlyStop (EarlyStop.Patience 2<epoch>)

    let setup () =
        SmallTraining.setup experiment 1 folder (trainingCases ())

    let curves, _ = ending (setup ())
    let averages = [ for _, _, _, _, average in curves -> average ]
    let best = List.findIndex ((=) (List.max averages)) averages
    Expect.equal averages.Length (best + 3) "two epochs after the best one"
    Expect.isLessThan averages.Length 40 "before the last epoch"
    Expect.isTrue (File.Exists (setup ()).Folder.Final) "the final checkpoint"
    Expect.equal (ending (setup ()) |> fst) curves "continuing finds it finished"

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
                "in 1,000 steps neither tensors nor memory pile up", staysFlat
                "from a damaged checkpoint a training goes back to the one before it, and says so",
                goesBackFromDamage
                "a checkpoint with one wrong bit is refused", noticesDamage
                "a training that is asked to stop saves within an epoch, and ends with the same bits",
                savesWhenAsked
                "several batches make a step", accumulates
                "early stop ends a training, and continuing leaves it ended", stopsEarly
                "the checkpoint of another network is refused", refusesOtherNetwork
            ] do
            test name { TemporaryFolder.using' run }
    ]
