/// Trainings in processes of their own, which are killed and continued, or asked to stop as a scheduler does.
module MedSegDsl.Tests.Runtime.Training.KilledTrainingTests

open System
open System.Diagnostics
open System.IO
open System.Threading
open Expecto
open TorchSharp
open MedSegDsl
open MedSegDsl.Experiments.Console
open MedSegDsl.Runtime.Training
open MedSegDsl.Runtime.Training.Checkpoints
open MedSegDsl.Tests.Runtime

/// The word that makes the test program train in a folder instead of testing.
let word = "--train-small"

let private experiment =
    SmallTraining.experiment
    |> withAugmentation Augmentation.nnUNet
    |> withEpochs 30<epoch>
    |> withIterations 3 1

let private setup folder =
    SmallTraining.setupSaving 1 experiment 1 folder (SmallTraining.cases "training" 0 3)

/// Trains in the folder, from the last checkpoint if there is one, and prints a line for each step.
let train folder =
    torch.set_num_threads 1

    Exit.guard (fun () ->
        Preemption.listen (fun asked ->
            let setup = setup folder
            use _ = setup.Network
            use trainer = new Trainer(setup, Listener.Printer)
            trainer.Begin true
            trainer.Run(CancellationToken.None, asked)
            Exit.done'))

let private start folder =
    let program = Path.Combine(AppContext.BaseDirectory, "medseg-tests.dll")

    let info =
        ProcessStartInfo(
            "dotnet",
            [ program; word; folder ],
            RedirectStandardOutput = true,
            RedirectStandardError = true
        )

    info.Environment["OMP_NUM_THREADS"] <- "1"

    match Process.Start info with
    | null -> failwith "dotnet did not start"
    | started -> started

/// Lets a training do some steps, and some milliseconds more.
let private waitFor steps (milliseconds: int) (training: Process) =
    let mutable seen = 0

    while seen < steps do
        match training.StandardOutput.ReadLine() with
        | null -> failtest "the training ended before it was to be killed"
        // Expecto's console fills lines up with spaces.
        | line when line.Trim() = "step" -> seen <- seen + 1
        | _ -> ()

    Thread.Sleep milliseconds

let private finish (training: Process) =
    training.StandardOutput.ReadToEnd() |> ignore
    let error = training.StandardError.ReadToEnd()
    training.WaitForExit()
    training.ExitCode, error

/// Everything that a finished training leaves but for times.
let private ending folder =
    use checkpoint = Checkpoint.Read (FoldFolder folder).Final

    let numbers (tensors: Collections.Generic.IReadOnlyDictionary<string, torch.Tensor>) =
        List.sort [ for entry in tensors -> entry.Key, entry.Value.data<float32>().ToArray() ]

    let epochs = [
        for e in checkpoint.State.Curves.Epochs ->
            e.TrainingLoss, e.ValidationLoss, List.ofSeq e.PseudoDice, e.AveragePseudoDice
    ]

    let files = Directory.GetFiles folder |> Array.map Path.GetFileName |> Array.sort
    numbers checkpoint.Network, numbers checkpoint.Optimizer, checkpoint.State.OptimizerSteps, epochs, files

let tests =
    testSequenced
    <| testList "training/killed" [
        test "killed at ten random moments and continued, a training ends with the same bits" {
            TemporaryFolder.using' (fun root ->
                let folder name = Path.Combine(root, name)
                use undisturbed = start (folder "whole")
                let random = Random 20

                for _ in 1..10 do
                    use training = start (folder "killed")
                    waitFor (random.Next(1, 9)) (random.Next 25) training
                    training.Kill()
                    training.WaitForExit()
                    Expect.equal training.ExitCode 137 "killed"

                use last = start (folder "killed")
                Expect.equal (finish last) (0, "") "the rest of it"
                Expect.equal (finish undisturbed) (0, "") "the undisturbed training"

                Expect.equal
                    (ending (folder "killed"))
                    (ending (folder "whole"))
                    "weights, optimizer, curves, files")
        }

        test "SIGTERM makes a training save and end with code 75" {
            TemporaryFolder.using' (fun root ->
                use training = start root
                waitFor 6 0 training
                use kill = Process.Start("kill", $"-TERM {training.Id}")
                kill.WaitForExit()
                let code, error = finish training
                Expect.equal code 75 "code"
                Expect.stringContains error "checkpoint_latest" "says where"
                use saved = Checkpoint.Read (FoldFolder root).Latest
                Expect.isGreaterThan saved.State.OptimizerSteps 4L "everything up to then")
        }
    ]
