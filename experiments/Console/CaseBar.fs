/// Progress of work that goes case by case: a bar on a terminal, plain lines where the output is redirected.
[<RequireQualifiedAccess>]
module MedSegDsl.Experiments.Console.CaseBar

open System
open System.Diagnostics
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

/// The time that is left, from how long the cases after the first report took; none where that says nothing.
let private remaining (clock: Stopwatch) first done' total =
    if done' <= first || done' >= total then
        ""
    else
        let seconds =
            clock.Elapsed.TotalSeconds * float (total - done') / float (done' - first)

        let left = TimeSpan.FromSeconds(Math.Ceiling seconds)

        if left.TotalHours >= 1.0 then
            $", {int left.TotalHours} h {left.Minutes} min left"
        elif left.TotalMinutes >= 1.0 then
            $", {left.Minutes} min {left.Seconds} s left"
        else
            $", {left.Seconds} s left"

/// How long a case may go on without a line.
let private quiet = TimeSpan.FromSeconds 10.0

let private inLines title (work: Report -> 'a) =
    let clock = Stopwatch()
    let sinceLine = Stopwatch.StartNew()
    let gate = obj ()
    let first = ref 0
    let shown = ref ""

    // Cases are worked on side by side, and each reports its own end.
    work (fun done' total case ->
        lock gate (fun () ->
            // Another round of the same work counts anew.
            if not clock.IsRunning || done' <= first.Value then
                first.Value <- done'
                clock.Restart()

            // The steps within a case may be thousands.
            if case <> shown.Value || done' = total || sinceLine.Elapsed > quiet then
                let left = remaining clock first.Value done' total
                Console.WriteLine $"{title}: {done'} of {total}, {case}{left}"
                shown.Value <- case
                sinceLine.Restart()))

/// Does the work, which reports each case that it finishes, or each step of a case.
let run title (work: Report -> 'a) : 'a =
    if interactive then
        onTerminal title work
    else
        inLines title work
