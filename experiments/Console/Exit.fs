/// What the program ends with: 0 done, 1 something that the user can put right, 2 a wrong command line, 3 a defect, 75 a
/// training that was asked to stop (SIGTERM), has saved, and goes on with --continue.
[<RequireQualifiedAccess>]
module MedSegDsl.Experiments.Console.Exit

open System
open Argu
open MedSegDsl.Kernels
open MedSegDsl.Runtime
open MedSegDsl.Runtime.Distributed
open MedSegDsl.Runtime.Training

let done' = 0
let failed = 1
let usage = 2
let defect = 3
/// EX_TEMPFAIL of sysexits.h: the same again later.
let interrupted = 75

/// What a command that goes case by case ends with: a line for each case that failed, the others being done.
let withFailures (failures: string seq) =
    for failure in failures do
        eprintfn "medseg: %s" failure

    if Seq.isEmpty failures then done' else failed

let rec private line (error: exn) =
    match error with
    | :? UserException
    | :? LibtorchNotFoundException -> Some error.Message
    | :? AggregateException as several when several.InnerExceptions.Count = 1 ->
        line several.InnerExceptions[0]
    | _ -> None

/// Whether this is the process that says what all of a training's processes have to say.
let private isFirst () =
    try
        RankPlace.FromEnvironment().Rank = 0
    with :? UserException ->
        true

let private sayOnce (line: string) =
    if isFirst () then
        eprintfn "%s" line

/// Runs something and turns its errors into lines and an exit code. Of several processes one shows a line that all have.
let guard (run: unit -> int) =
    try
        run ()
    with
    | :? ArguParseException as help when help.ErrorCode = ErrorCode.HelpText ->
        printfn "%s" help.Message
        done'
    | :? ArguParseException as wrong ->
        sayOnce wrong.Message
        usage
    | :? TrainingInterruptedException as stopped ->
        sayOnce $"medseg: {stopped.Message}"
        interrupted
    | :? RankException as told when told.IsSaid -> failed
    | :? OperationCanceledException ->
        eprintfn "stopped"
        failed
    | error ->
        match line error with
        | Some message ->
            eprintfn "medseg: %s" message
            failed
        | None ->
            eprintfn "medseg: an unexpected error; please report it with these lines:\n%O" error
            defect
