namespace MedSegDsl.Experiments.Workflow

open System

/// A set of trainings as a Slurm job array: a task for each seed and fold.
type SlurmArray = {
    Name: string
    /// `0` to `4`, or `all`.
    Folds: string list
    Seeds: int list
    Partition: string option
    Account: string option
    /// Slurm's form: `2-00:00:00`.
    Time: string option
    Gpus: int
    Cpus: int
    Memory: string option
    /// Variables that the tasks need, with their values.
    Environment: (string * string) list
    /// The words that start the program.
    Program: string list
    /// `train`'s words before the fold, and after it.
    Before: string list
    After: string list
}

/// Writes the array's sbatch script.
[<RequireQualifiedAccess>]
module SlurmArray =
    /// What sbatch tells a task before its time is over, in seconds: room for a checkpoint.
    let private notice = 180

    /// A word of the shell that means itself.
    let private quoted (word: string) = "'" + word.Replace("'", "'\\''") + "'"

    let private line (words: string list) =
        words |> List.map quoted |> String.concat " "

    /// How many tasks it has.
    let tasks (jobs: SlurmArray) = jobs.Folds.Length * jobs.Seeds.Length

    let private directives (jobs: SlurmArray) = [
        $"--job-name={jobs.Name}"
        $"--array=0-{tasks jobs - 1}"
        $"--output={jobs.Name}_%%A_%%a.log"
        "--open-mode=append"
        "--requeue"
        $"--signal=B:TERM@{notice}"
        "--nodes=1"
        "--ntasks=1"
        $"--cpus-per-task={jobs.Cpus}"
        if jobs.Gpus > 0 then
            $"--gpus-per-node={jobs.Gpus}"
        match jobs.Memory with
        | Some memory -> $"--mem={memory}"
        | None -> ()
        match jobs.Time with
        | Some time -> $"--time={time}"
        | None -> ()
        match jobs.Partition with
        | Some partition -> $"--partition={partition}"
        | None -> ()
        match jobs.Account with
        | Some account -> $"--account={account}"
        | None -> ()
    ]

    /// The script. A task that was asked to stop ends with the program's exit code 75 after it has saved; it is queued
    /// again, and goes on from its checkpoint, as one does whose machine was lost.
    let script (jobs: SlurmArray) =
        String.Join(
            "\n",
            [
                "#!/bin/bash"
                for directive in directives jobs do
                    $"#SBATCH {directive}"
                ""
                for name, value in jobs.Environment do
                    $"export {name}={quoted value}"
                $"folds=({line jobs.Folds})"
                $"seeds=({line (List.map string jobs.Seeds)})"
                $"fold=${{folds[SLURM_ARRAY_TASK_ID %% {jobs.Folds.Length}]}}"
                $"seed=${{seeds[SLURM_ARRAY_TASK_ID / {jobs.Folds.Length}]}}"
                ""
                "stop= training="
                "trap 'stop=1; kill -TERM \"$training\" 2>/dev/null' TERM"
                "# A task goes on where it was stopped; where there is no checkpoint, it starts from the beginning."
                $"{line jobs.Program} train {line jobs.Before} \"$fold\" --seed \"$seed\" {line jobs.After} --continue &"
                "training=$!"
                "# The signal may have come before there was a training to pass it on to."
                "[ -z \"$stop\" ] || kill -TERM \"$training\""
                "wait \"$training\""
                "code=$?"
                "# A signal ends the wait before the training has saved."
                "while kill -0 \"$training\" 2>/dev/null; do"
                "    wait \"$training\""
                "    code=$?"
                "done"
                ""
                "# 75: it was asked to stop and has saved."
                "if [ \"$code\" -eq 75 ]; then"
                "    scontrol requeue \"${SLURM_ARRAY_JOB_ID}_${SLURM_ARRAY_TASK_ID}\""
                "fi"
                "exit \"$code\""
                ""
            ]
        )
