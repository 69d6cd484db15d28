/// Trainings of two processes under Open MPI's mpirun: the gradients of one process, one end for all, and going on after it.
module MedSegDsl.Tests.Runtime.Distributed.MpiTrainingTests

open System
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

/// The lines of the program itself among those of mpirun.
let private own (error: string) =
    error.Split '\n' |> Array.filter (_.Contains("medseg:"))

/// One rank is killed: the other says so, before mpirun ends it.
let private saysWhoIsGone root killed =
    use ranks = start "train" root
    let processes = watch 4 ranks
    let clock = Stopwatch.StartNew()
    signal "KILL" processes[killed]
    let code, _, error = Ranks.finish ranks
    Expect.isLessThan clock.Elapsed.TotalSeconds 15.0 "within seconds"
    Expect.notEqual code 0 "not a success"
    Expect.equal (own error).Length 1 $"one line of ours: {error}"

    Expect.stringContains
        error
        $"medseg: rank {killed} of 2 has ended, so the training stops; --continue goes on"
        "which says who"

let private endsTogether () =
    TemporaryFolder.using' (fun root ->
        (use ranks = start "train" root
         let processes = watch 5 ranks
         signal "TERM" processes[1]
         let code, _, error = Ranks.finish ranks
         Expect.equal code 75 $"asked to stop, both do: {error}"
         Expect.isTrue (File.Exists (FoldFolder root).Latest) "rank 0 has saved")

        (use ranks = start "train" root
         watch 4 ranks |> ignore
         signal "USR1" ranks.Id
         let code, _, error = Ranks.finish ranks
         Expect.equal code 75 $"mpirun passes on that all are to stop: {error}"
         Expect.equal (own error).Length 1 $"and one says that it has saved: {error}")

        saysWhoIsGone root 1
        saysWhoIsGone root 0

        use ranks = start "train" root
        let code, output, error = Ranks.finish ranks
        Expect.equal code 0 $"the rest of it: {error}"
        Expect.stringContains output "going on after epoch" "from the checkpoint"
        use final = Checkpoint.Read (FoldFolder root).Final
        Expect.equal final.State.Curves.Epochs.Count RankProgram.epochs "all epochs")

/// nnU-Net's folders, empty.
let private nnUNet root = [
    for name in [ "nnUNet_raw"; "nnUNet_preprocessed"; "nnUNet_results" ] ->
        name, (Directory.CreateDirectory(Path.Combine(root, name))).FullName
]

/// What is wrong for all ranks alike, one says: in words, in folders, and in what a batch can be divided into.
let private saysOnce () =
    TemporaryFolder.using' (fun root ->
        let program = Path.Combine(AppContext.BaseDirectory, "medseg.dll")

        for words, expected in
            [
                [ "77"; "3d_fullres"; "0" ], "No folder Dataset077_"
                [ "77"; "3d_fullres"; "0"; "-n"; "Nonesuch" ], "Nonesuch is no network"
                [ "Dataset077_X"; "3d_fullres"; "0" ], "Dataset077_X"
            ] do
            use ranks =
                Ranks.startProgram (nnUNet root) 2 (program :: "train" :: words @ [ "--device"; "cpu" ])

            let code, _, error = Ranks.finish ranks
            Expect.equal code 1 error
            Expect.equal (own error).Length 1 $"one line: {error}"
            Expect.stringContains error expected "which says what is wrong")

let tests =
    testSequenced
    <| testList "distributed/mpi" [
        Ranks.mpiTest "two ranks have the gradients, losses and pseudo Dice of one process" (fun () ->
            TemporaryFolder.using' (RankProgram.compareGradients 1e-6f torch.CPU gradients))
        Ranks.mpiTest "what is wrong for all ranks one of them says" saysOnce
        Ranks.mpiTest "ranks stop together, die together, and go on together" endsTogether
    ]
