/// `medseg submit 901 3d_fullres --seeds 1 2 3 --network UlikeMamba_3d`: a Slurm job array, a task for each fold and seed.
module MedSegDsl.Experiments.CommandLine.Commands.SubmitCommand

open System
open System.ComponentModel
open System.Diagnostics
open System.IO
open Argu
open MedSegDsl.Runtime
open MedSegDsl.Runtime.Dataset
open MedSegDsl.Runtime.Files
open MedSegDsl.Experiments.Console
open MedSegDsl.Experiments.Workflow
open MedSegDsl.Experiments.CommandLine
open MedSegDsl.Experiments.CommandLine.Arguments
open MedSegDsl.Experiments.CommandLine.SubmitArguments

let private variables = [
    "nnUNet_raw"
    "nnUNet_preprocessed"
    "nnUNet_results"
    "nnUNet_n_proc_DA"
    "MEDSEG_LIBTORCH"
    "DOTNET_ROOT"
]

let private environment () = [
    for name in variables do
        match Environment.GetEnvironmentVariable name with
        | null
        | "" -> ()
        | value -> name, value
]

let private words (text: string) =
    text.Split(' ', StringSplitOptions.RemoveEmptyEntries) |> List.ofArray

/// The words of `train` that are not the array's own, read as `train` itself reads them.
let private checkedWords (before: string list) (after: string list) =
    let parser = ArgumentParser.Create<TrainArgs>(programName = "medseg train")

    let parsed =
        parser.ParseCommandLine(Array.ofList (before @ [ "0" ] @ after), raiseOnUsage = false)

    if parsed.Contains Seed then
        raise (UserException "--train holds --seed: give --seeds to submit instead")

    if parsed.Contains Pretrained_Weights then
        raise (
            UserException
                "--train holds --pretrained-weights, which a task that is queued again could not go on from: train without submit"
        )

    parsed.TryGetResult TrainArgs.Network |> Option.iter (Parse.network >> ignore)
    parsed.TryGetResult TrainArgs.Trainer |> Option.iter (Parse.trained >> ignore)
    after

let private jobs (args: ParseResults<SubmitArgs>) : SlurmArray =
    let dataset, configuration = args.GetResult SubmitArgs.Target
    Parse.configuration configuration |> ignore
    let folds = args.GetResult(SubmitArgs.Folds, [ for fold in 0..4 -> string fold ])
    folds |> List.iter (Parse.fold >> ignore)
    let seeds = args.GetResult(SubmitArgs.Seeds, [ 1 ])
    let gpus = args.GetResult(SubmitArgs.Gpus, 1)
    let cpus = args.GetResult(SubmitArgs.Cpus, 12)

    if folds.IsEmpty || seeds.IsEmpty || gpus < 0 || cpus < 1 then
        raise (
            UserException
                "an array needs a fold and a seed, a core for each task, and no negative number of GPUs"
        )

    let named word value =
        match value with
        | Some(value: string) -> [ word; value ]
        | None -> []

    let network = args.TryGetResult SubmitArgs.Network
    let trainer = args.TryGetResult SubmitArgs.Trainer

    let after = [
        yield! named "--network" network
        yield! named "--trainer" trainer
        yield! named "--plans" (args.TryGetResult SubmitArgs.Plans)
        if gpus > 1 then
            "--gpus"
            string gpus
        yield! words (args.GetResult(SubmitArgs.Train, ""))
    ]

    let before = [ NnUNetFolders.FromEnvironment().DatasetName dataset; configuration ]

    let model =
        trainer |> Option.orElse network |> Option.defaultValue "UlikeMamba_3dMT"

    {
        Name = $"{before.Head}-{model}-{configuration}"
        Folds = folds
        Seeds = seeds
        Partition = args.TryGetResult SubmitArgs.Partition
        Account = args.TryGetResult SubmitArgs.Account
        Time = args.TryGetResult SubmitArgs.Time
        Gpus = gpus
        Cpus = cpus
        Memory = args.TryGetResult SubmitArgs.Memory
        Environment = environment ()
        Program = OwnProgram.words
        Before = before
        After = checkedWords before after
    }

let private counted count what =
    if count = 1 then $"1 {what}" else $"{count} {what}s"

let private asks count =
    printf "submit %s? [y/N] " (counted count "job")

    match Console.ReadLine() with
    | null ->
        printfn ""
        raise (UserException "there is nobody to ask: say --yes to submit, or --dry-run")
    | answer -> answer.Trim().ToLowerInvariant() = "y"

let private sbatch (file: string) =
    let run () =
        match Process.Start(ProcessStartInfo("sbatch", [ file ])) with
        | null -> raise (UserException "sbatch did not start")
        | started ->
            use batch = started
            batch.WaitForExit()
            batch.ExitCode

    let code =
        try
            run ()
        with :? Win32Exception ->
            raise (
                UserException
                    $"sbatch is not on the PATH: submit {file} on a machine of the cluster, or say --dry-run"
            )

    if code <> 0 then
        raise (UserException $"sbatch ended with code {code}; its reason is above, the script is {file}")

let run (args: ParseResults<SubmitArgs>) =
    let jobs = jobs args

    let file =
        Path.GetFullPath(args.GetResult(SubmitArgs.Output, $"{jobs.Name}.sbatch"))

    let script = SlurmArray.script jobs
    AtomicFile.WriteText(file, script)
    printfn "%s" script

    printfn
        "%s: %s, %s; the script is %s"
        (counted (SlurmArray.tasks jobs) "job")
        (counted jobs.Folds.Length "fold")
        (counted jobs.Seeds.Length "seed")
        file

    if not (args.Contains SubmitArgs.Dry_Run) then
        if args.Contains SubmitArgs.Yes || asks (SlurmArray.tasks jobs) then
            sbatch file
        else
            printfn "nothing was submitted"

    Exit.done'
