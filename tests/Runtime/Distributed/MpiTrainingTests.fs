/// Trainings of two processes under Open MPI's mpirun: the gradients of one process, one end for all, and going on after it.
module MedSegDsl.Tests.Runtime.Distributed.MpiTrainingTests

open System
open System.Diagnostics
open System.IO
open System.Threading
open Expecto
open TorchSharp
open MedSegDsl
open MedSegDsl.Experiments.Console

open MedSegDsl.Runtime.Dataset
open MedSegDsl.Runtime.Distributed
open MedSegDsl.Runtime.Training
open MedSegDsl.Runtime.Training.Checkpoints
open MedSegDsl.Runtime.Training.Progress
open MedSegDsl.Tests.Runtime
open MedSegDsl.Tests.Runtime.Training

/// The word that makes the test program a rank.
let word = "--rank"

let private cases = SmallTraining.cases "training" 0 3

let private printer = {
    new ITrainingProgress with
        member _.Started _ = ()
        member _.Stepped _ = printfn "step"
        member _.EpochEnded(_, _) = ()
        member _.Noted note = printfn "%s" note
        member _.Ended() = ()
}

let private train (variant: SmallTraining.Variant) experiment goOn folder asked =
    let setup = SmallTraining.setupOf variant 1 experiment 1 folder cases
    use _ = setup.Network

    let progress: ITrainingProgress =
        if variant.Ranks.Size > 1 && variant.Ranks.Rank = 0 then
            printer
        else
            SilentProgress()

    use trainer = new Trainer(setup, progress)
    trainer.Begin goOn
    trainer.Run(CancellationToken.None, asked)
    trainer.Curves

/// The optimizer's state after two steps is the second step's gradient, which was summed during the backward pass.
let private gradients =
    SmallTraining.experiment
    |> withAugmentation Augmentation.off
    |> withOptimizer (Optimizer.SgdNesterov(1e-3, 0.0, 0.0))
    |> withEpochs 1<epoch>
    |> withIterations 2 2
    |> fun experiment -> {
        experiment with
            GradientClipping = 1e9
    }

let private withIgnored =
    LabelManager(
        [|
            LabelEntry("background", [| 0 |], false)
            LabelEntry("shell", [| 1 |], false)
            LabelEntry("ignore", [| 2 |], false)
        |],
        null
    )

/// Batches that two ranks share: equal parts and Dice over the batch; unequal parts, voxels without annotation.
let private variants = [
    "equal",
    {
        SmallTraining.usual with
            Batch = 4
            BatchDice = true
            BucketBytes = 4096L
    }
    "unequal",
    {
        SmallTraining.usual with
            Batch = 3
            Labels = withIgnored
            BucketBytes = 4096L
    }
]

let private long =
    SmallTraining.experiment
    |> withAugmentation Augmentation.nnUNet
    |> withEpochs 12<epoch>
    |> withIterations 3 1

/// What a rank does: the gradients of all variants, or a long training that goes on where it was.
let rank how folder =
    torch.set_num_threads 1

    Exit.guard (fun () ->
        Preemption.listen (fun asked ->
            MedSegDsl.Experiments.Workflow.Ranks.join (RankPlace.FromEnvironment()) torch.CPU (fun ranks ->
                if how = "gradients" then
                    for name, variant in variants do
                        let place = Path.Combine(folder, name)
                        let curves = train { variant with Ranks = ranks } gradients false place asked
                        let epoch = curves.Epochs[0]
                        let dice = String.Join(' ', epoch.PseudoDice)

                        File.WriteAllText(
                            Path.Combine(folder, $"{name}{ranks.Rank}"),
                            $"{epoch.TrainingLoss} {epoch.ValidationLoss} {dice}"
                        )
                else
                    Console.WriteLine $"rank {ranks.Rank} is process {Environment.ProcessId}"

                    train
                        {
                            SmallTraining.usual with
                                Ranks = ranks
                        }
                        long
                        true
                        folder
                        asked
                    |> ignore

                Exit.done')))

let private optimizerState folder =
    use checkpoint = Checkpoint.Read (FoldFolder folder).Final
    let curves = checkpoint.State.Curves.Epochs[0]

    Map [
        for entry in checkpoint.Optimizer -> entry.Key, entry.Value.data<float32>().ToArray()
    ],
    [ curves.TrainingLoss; curves.ValidationLoss ],
    List.ofSeq curves.PseudoDice

let private isNear (expected: Map<string, float32[]>) (actual: Map<string, float32[]>) =
    Expect.equal (Map.keys actual |> List.ofSeq) (Map.keys expected |> List.ofSeq) "the same parameters"
    let largest = Seq.max (Seq.map abs (Seq.concat expected.Values))

    for entry in expected do
        for there, here in Seq.zip entry.Value actual[entry.Key] do
            Expect.isLessThan (abs (there - here)) (1e-6f * max 1f largest) entry.Key

let private givesWholeGradients () =
    TemporaryFolder.using' (fun root ->
        use ranks = Ranks.start 2 [ word; "gradients"; root ]

        let whole = [
            for name, variant in variants ->
                let folder = Path.Combine(root, $"{name}-alone")
                train variant gradients false folder CancellationToken.None |> ignore
                name, optimizerState folder
        ]

        let code, _, error = Ranks.finish ranks
        Expect.equal code 0 error

        for name, (state, losses, dice) in whole do
            let among, lossesAmong, diceAmong = optimizerState (Path.Combine(root, name))
            isNear state among

            for loss, lossAmong in List.zip losses lossesAmong do
                Expect.floatClose Accuracy.medium lossAmong loss $"{name}: losses"

            Expect.equal diceAmong dice $"{name}: pseudo Dice of all voxels"

            let text rank =
                File.ReadAllText(Path.Combine(root, $"{name}{rank}"))

            Expect.equal (text 1) (text 0) $"{name}: all ranks know the same curves")

/// Reads what the ranks print until both have named their processes and so many steps are done.
let private watch steps (ranks: Process) =
    let processes = Array.zeroCreate 2
    let mutable seen = 0

    while seen < steps || Array.contains 0 processes do
        match ranks.StandardOutput.ReadLine() with
        | null -> failtest $"the ranks ended too early: {ranks.StandardError.ReadToEnd()}"
        | line ->
            match List.ofArray (line.Trim().Split ' ') with
            | [ "rank"; rank; "is"; "process"; id ] -> processes[int rank] <- int id
            | [ "step" ] -> seen <- seen + 1
            | _ -> ()

    processes

let private signal (name: string) (id: int) =
    use kill = Process.Start("kill", [ $"-{name}"; string id ])
    kill.WaitForExit()

let private endsTogether () =
    TemporaryFolder.using' (fun root ->
        (use ranks = Ranks.start 2 [ word; "train"; root ]
         let processes = watch 5 ranks
         signal "TERM" processes[1]
         let code, _, error = Ranks.finish ranks
         Expect.equal code 75 $"asked to stop, both do: {error}"
         Expect.isTrue (File.Exists (FoldFolder root).Latest) "rank 0 has saved")

        (use ranks = Ranks.start 2 [ word; "train"; root ]
         let processes = watch 4 ranks
         let clock = Stopwatch.StartNew()
         signal "KILL" processes[1]
         let code, _, error = Ranks.finish ranks
         Expect.isLessThan clock.Elapsed.TotalSeconds 15.0 "within seconds"
         Expect.notEqual code 0 "not a success"
         Expect.isNonEmpty error "a message")

        use ranks = Ranks.start 2 [ word; "train"; root ]
        let code, output, error = Ranks.finish ranks
        Expect.equal code 0 $"the rest of it: {error}"
        Expect.stringContains output "going on after epoch" "from the checkpoint"
        use final = Checkpoint.Read (FoldFolder root).Final
        Expect.equal final.State.Curves.Epochs.Count 12 "all epochs")

let tests =
    testSequenced
    <| testList "distributed/mpi" [
        Ranks.mpiTest
            "two ranks have the gradients, losses and pseudo Dice of one process"
            givesWholeGradients
        Ranks.mpiTest "ranks stop together, die together, and go on together" endsTogether
    ]
