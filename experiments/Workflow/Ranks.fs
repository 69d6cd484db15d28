/// The processes of one training, each of which runs the same command.
[<RequireQualifiedAccess>]
module MedSegDsl.Experiments.Workflow.Ranks

open System
open System.Threading
open MedSegDsl.Kernels
open MedSegDsl.Runtime
open MedSegDsl.Runtime.Distributed
open MedSegDsl.Runtime.Training

/// Reads the words of the command, which are the same for all processes: what is wrong with them the first one says. The
/// others leave after it, since mpirun ends all soon after one.
let reading (read: unit -> 'a) =
    let place = RankPlace.FromEnvironment()

    try
        read ()
    with :? UserException as wrong when place.Rank > 0 ->
        Thread.Sleep(TimeSpan.FromSeconds 3.0)
        raise (RankException(wrong.Message, true))

/// Joins the other processes, does the work and leaves together with them. A process that fails leaves at once, which ends
/// the others.
let join (place: RankPlace) device (work: ICommunicator -> 'a) =
    use ranks = Communicators.Join(place, device)
    let result = work ranks
    ranks.Close()
    result

/// Runs a command that trains on so many GPUs of this machine, where a number is asked for: then this process only starts
/// the others, which run the same command and know their places, and gives their exit code.
let onGpus gpus (command: unit -> int) =
    match gpus with
    | Some count when RankPlace.FromEnvironment().Size = 1 ->
        NativeLibtorch.Load() |> ignore
        LocalRanks.Check(count, TrainingDevice.Gpus)
        if count > 1 then LocalRanks.Run count else command ()
    | _ ->
        LocalRanks.FollowStarter()
        command ()
