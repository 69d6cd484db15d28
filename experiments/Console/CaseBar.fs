/// Progress of work that goes case by case: a bar on a terminal, plain lines where the output is redirected.
[<RequireQualifiedAccess>]
module MedSegDsl.Experiments.Console.CaseBar

open System
open Spectre.Console

/// Told how many of how many are done, and which case it was.
type Report = int -> int -> string -> unit

let private interactive =
    not Console.IsOutputRedirected && AnsiConsole.Profile.Capabilities.Interactive

let private onTerminal (title: string) (work: Report -> 'a) =
    let columns: ProgressColumn[] = [|
        TaskDescriptionColumn()
        ProgressBarColumn()
        PercentageColumn()
        RemainingTimeColumn()
        SpinnerColumn()
    |]

    AnsiConsole
        .Progress()
        .Columns(columns)
        .Start(fun context ->
            let task = context.AddTask(Markup.Escape title, true, 1.0)

            work (fun done' total case ->
                task.MaxValue <- float total
                task.Value <- float done'
                task.Description <- Markup.Escape $"{title}: {case}"))

let private inLines title (work: Report -> 'a) =
    work (fun done' total case -> printfn "%s: %d of %d, %s" title done' total case)

/// Does the work, which reports each case that it finishes.
let run title (work: Report -> 'a) : 'a =
    if interactive then
        onTerminal title work
    else
        inLines title work
