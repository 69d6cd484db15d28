/// Trainings of two processes under Open MPI's mpirun: the gradients of one process, one end for all, and going on after it.
module MedSegDsl.Tests.Runtime.Distributed.MpiTrainingTests

open System.Diagnostics
open System.IO
open Expecto
open TorchSharp
open MedSegDsl.Runtime.Training
open MedSegDsl.Runtime.Training.Checkpoints
open MedSegDsl.Tests.Runtime

let private start how root =
    Ranks.start 2 [ RankProgram.word; how; root ]

let private gradients root =
    use ranks = start "gradients" root
    let code, _, error = Ranks.finish ranks
    Expect.equal code 0 error

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
        (use ranks = start "train" root
         let processes = watch 5 ranks
         signal "TERM" processes[1]
         let code, _, error = Ranks.finish ranks
         Expect.equal code 75 $"asked to stop, both do: {error}"
         Expect.isTrue (File.Exists (FoldFolder root).Latest) "rank 0 has saved")

        (use ranks = start "train" root
         let processes = watch 4 ranks
         let clock = Stopwatch.StartNew()
         signal "KILL" processes[1]
         let code, _, error = Ranks.finish ranks
         Expect.isLessThan clock.Elapsed.TotalSeconds 15.0 "within seconds"
         Expect.notEqual code 0 "not a success"
         Expect.isNonEmpty error "a message")

        use ranks = start "train" root
        let code, output, error = Ranks.finish ranks
        Expect.equal code 0 $"the rest of it: {error}"
        Expect.stringContains output "going on after epoch" "from the checkpoint"
        use final = Checkpoint.Read (FoldFolder root).Final
        Expect.equal final.State.Curves.Epochs.Count RankProgram.epochs "all epochs")

let tests =
    testSequenced
    <| testList "distributed/mpi" [
        Ranks.mpiTest "two ranks have the gradients, losses and pseudo Dice of one process" (fun () ->
            TemporaryFolder.using' (RankProgram.compareGradients 1e-6f torch.CPU gradients))
        Ranks.mpiTest "ranks stop together, die together, and go on together" endsTogether
    ]
